"""What a restaurant needs before the first guest: staff, and a menu."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
from google.protobuf.json_format import ParseDict

from infra.dev.guest import Guest
from infra.dev.settings import REPOSITORY
from infra.grpc_runtime import user_metadata
from shared_proto.restaurant.order.v1.order_pb2 import GetMenuRequest, ImportMenuRequest
from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceStub

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

SAMPLE_MENU = REPOSITORY / "infra" / "sample_menu.json"
MENU_SECONDS = 10


class OpeningError(Exception):
    """The staff accounts or the menu can't be made. For people."""


async def make_staff(
    http: httpx.AsyncClient,
    login: str,
    password: str,
    role: str,
    auth: Mapping[str, str],
    *,
    python: Sequence[str] = (sys.executable,),
) -> Guest:
    """The account ``login``, made where it is missing, and signed in with ``role``.

    Args:
        http: to the gateway.
        auth: the environment of the auth service, whose command grants the role.
        python: the command that runs Python where auth is.

    Raises:
        OpeningError: another password goes with that name, or the role was not granted.
    """
    member = Guest(http, login, password)
    await member.register()
    try:
        await member.sign_in()
    except httpx.HTTPStatusError as error:
        raise OpeningError(
            f"the account {login} has another password than we know: "
            f"`python -m auth reset {login}` sets a new one"
        ) from error
    granting = await asyncio.create_subprocess_exec(
        *(*python, "-m", "auth", "grant", login, role),
        env=auth,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await granting.communicate()
    if granting.returncode != 0:
        raise OpeningError(f"{login} was not granted the role {role}: {said.decode().strip()}")
    # Roles stand in the token: only a session opened now has the new one.
    await member.sign_in()
    return member


async def import_menu(admin: Guest, menu: Mapping[str, Any]) -> None:
    """Makes ``menu`` the restaurant's. Raises OpeningError where it is refused."""
    answer = await admin.call("PUT", "/menu", json=menu)
    if not answer.is_success:
        raise OpeningError(f"the menu was refused ({answer.status_code}): {answer.text}")


@asynccontextmanager
async def menu_for_a_while(admin: Guest, menu: Mapping[str, Any]) -> AsyncIterator[None]:
    """``menu`` is the restaurant's while the block runs; then the one before it is again.

    Raises:
        OpeningError: one of the two is refused.
    """
    before = (await admin.call("GET", "/menu")).raise_for_status().json()
    await import_menu(admin, menu)
    try:
        yield
    finally:
        if before["items"]:
            await import_menu(admin, {key: before[key] for key in ("currency", "items")})


async def import_sample_menu_if_none(admin: Guest) -> bool:
    """True when there was no menu, and the sample is it now."""
    answer = await admin.call("GET", "/menu")
    if answer.raise_for_status().json()["items"]:
        return False
    await import_menu(admin, read_menu(SAMPLE_MENU))
    return True


async def import_first_menu(order: grpc.aio.Channel, admin: Guest) -> None:
    """Makes the sample the restaurant's menu where it has none, before there is a gateway.

    Args:
        order: to the order service.

    Raises:
        OpeningError: the menu was refused.
    """
    stub: OrderServiceAsyncStub = OrderServiceStub(order)
    try:
        answer = await stub.GetMenu(GetMenuRequest(), timeout=MENU_SECONDS, wait_for_ready=True)
        if not answer.menu.items:
            sample = ParseDict(read_menu(SAMPLE_MENU), ImportMenuRequest())
            token = user_metadata(await admin.token())
            await stub.ImportMenu(sample, metadata=token, timeout=MENU_SECONDS)
    except grpc.aio.AioRpcError as error:
        raise OpeningError(f"the menu was refused: {error.details()}") from error


def read_menu(path: Path) -> dict[str, Any]:
    """The menu in a JSON file."""
    menu: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return menu
