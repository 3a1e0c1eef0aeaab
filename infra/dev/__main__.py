"""``./task dev``: a real Redis and the four services on this machine, until Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from auth.openapi import API_PREFIX
from infra.dev import terminal
from infra.dev.certificates import tls_settings
from infra.dev.children import Child, kept_running
from infra.dev.folder import FolderError, take_folder
from infra.dev.guest import open_http
from infra.dev.layout import Layout, LayoutError
from infra.dev.local_redis import RedisNotFoundError, find_redis_server, redis_command
from infra.dev.opening import OpeningError, import_first_menu, make_staff
from infra.dev.pace import SPEED, pace_of
from infra.dev.readiness import NotReadyError, wait_for_redis, wait_until_ready
from infra.dev.secrets_file import FILE_NAME, STAFF, Secrets, read_or_make_secrets
from infra.dev.service_log import ServiceLog
from infra.dev.services import SERVICES, Service
from infra.dev.settings import DevSettings
from infra.grpc_runtime import open_channel
from infra.tls import Tls

READY_SECONDS = 60
REDIS_LOG = Path("log", "redis.log")


def main() -> int:
    """Runs everything; the exit status says whether it ran as it should."""
    argparse.ArgumentParser(
        prog="dev",
        description="A real Redis and the four services on this machine, until Ctrl-C.",
        epilog="It takes no arguments: settings are environment variables, and the README lists "
        "them, as in KITCHEN_SPEED=1 ./task dev.",
    ).parse_args()
    settings = DevSettings()
    try:
        layout = Layout.from_environment(os.environ)
        # Held until this process ends.
        lock = take_folder(settings.var)
        layout.check_ports_are_free()
        redis = _redis(settings, layout)
        secrets = read_or_make_secrets(settings.var)
    except (LayoutError, FolderError, RedisNotFoundError) as error:
        print(f"brigade: {error}", file=sys.stderr)
        return 1
    with lock:
        return asyncio.run(_run(settings, layout, secrets, redis))


def _given(settings: DevSettings, service: Service) -> dict[str, str]:
    """What the environment already settles for ``service``."""
    certificates = tls_settings(service, settings.certs) if settings.certs else {}
    return certificates | pace_of(os.environ) | os.environ


def _redis(settings: DevSettings, layout: Layout) -> Child:
    data, log = settings.var / "redis", settings.var / REDIS_LOG
    for folder in (data, log.parent):
        folder.mkdir(exist_ok=True)
    command = redis_command(find_redis_server(), layout.redis_port, data)
    return Child("redis", [*command, "--logfile", str(log)], os.environ)


async def _run(settings: DevSettings, layout: Layout, secrets: Secrets, redis: Child) -> int:
    log = ServiceLog()
    services = [
        Child(
            service.name,
            [sys.executable, "-m", service.name],
            layout.environment_of(service, secrets, _given(settings, service)),
            follow=log.follow,
        )
        for service in SERVICES
    ]
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            # Asked a second time: whoever asks has no patience left.
            for child in (*services, redis):
                child.kill()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    print("Starting Redis and the four services…", flush=True)
    # The blocks end inside out: Redis stops when nobody needs it any more.
    async with kept_running(redis), kept_running() as keep:
        opening = asyncio.create_task(_open_the_house(settings, layout, secrets, services, keep))
        stopped = asyncio.create_task(stopping.wait())
        misled = asyncio.create_task(_one_can_not_run(services))
        await asyncio.wait({opening, stopped, misled}, return_when=asyncio.FIRST_COMPLETED)
        misled.cancel()
        if not opening.done():
            opening.cancel()
            if not stopped.done():
                stopped.cancel()
                print("brigade: mend the setting named above and start again", file=sys.stderr)
                return os.EX_CONFIG
        elif error := opening.exception():
            stopped.cancel()
            log.tell_all()
            return _explain(error, [redis, *services])
        else:
            banner = "\n".join(_banner(settings, layout, secrets))
            print(banner, flush=True)
            log.open()
            with terminal.on_enter(lambda: print(banner, flush=True)):
                await stopped
    try:
        print("Brigade is closed.", flush=True)
    except BrokenPipeError:
        # Ctrl-C has ended what reads this, as `tee` does. Python would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def _one_can_not_run(services: list[Child]) -> None:
    """Returns when a service has ended for its settings, and has said so."""
    waiting = [asyncio.create_task(service.can_not_run.wait()) for service in services]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _open_the_house(
    settings: DevSettings,
    layout: Layout,
    secrets: Secrets,
    services: Sequence[Child],
    start: Callable[[Child], None],
) -> None:
    """Starts each after what it needs. The gateway comes last: no guest finds an empty menu."""
    await wait_for_redis(layout.redis_port, settings.var / REDIS_LOG, seconds=READY_SECONDS)
    *behind, gateway = services
    for service in behind:
        start(service)
    ops_urls = {service.name: layout.ops_url(service.name) for service in services}
    gateway_url = ops_urls.pop(gateway.name)
    await wait_until_ready(ops_urls, seconds=READY_SECONDS)
    auth = layout.environment_of(SERVICES[0], secrets, os.environ)
    tls = _tls_of(SERVICES[-1], _given(settings, SERVICES[-1]))
    async with open_http(f"{layout.auth_url}{API_PREFIX}") as http:
        admin, _ = await asyncio.gather(
            *(
                make_staff(http, login, secrets.passwords[login], role, auth)
                for login, role in STAFF.items()
            )
        )
        async with open_channel(layout.grpc_target("order"), tls) as order:
            await import_first_menu(order, admin)
    start(gateway)
    await wait_until_ready({gateway.name: gateway_url}, seconds=READY_SECONDS)


def _tls_of(service: Service, environment: Mapping[str, str]) -> Tls | None:
    """What ``service`` shows to the others, None where gRPC is spoken in the clear."""
    settings = (f"{service.prefix}TLS_{part}" for part in ("CERT", "KEY", "CA"))
    cert, key, ca = (
        Path(environment[name]) if environment.get(name) else None for name in settings
    )
    return Tls.read(cert, key, ca) if cert and key and ca else None


def _explain(error: BaseException, processes: list[Child]) -> int:
    if isinstance(error, NotReadyError):
        print(f"brigade: not everything is up after {READY_SECONDS} s", file=sys.stderr)
        children = {child.name: child for child in processes}
        for name, why in error.reasons.items():
            child = children[name]
            ended = (
                f"; it ended {child.endings} times ({child.describe()})" if child.endings else ""
            )
            print(f"  {name}: {why}{ended}", file=sys.stderr)
        print("Its own lines above say more; once that is mended, start again.", file=sys.stderr)
        return 1
    if isinstance(error, OpeningError):
        print(f"brigade: {error}", file=sys.stderr)
        return 1
    raise error


def _banner(settings: DevSettings, layout: Layout, secrets: Secrets) -> Iterator[str]:
    gateway = layout.gateway_url
    yield ""
    yield "Brigade is open."
    yield f"  guests    {gateway}/"
    yield f"  kitchen   {gateway}/kitchen   (cook / {secrets.passwords['cook']})"
    yield f"  pickup    {gateway}/board"
    yield f"  API       {gateway}/docs and {layout.auth_url}/docs"
    yield f"  admin     admin / {secrets.passwords['admin']}"
    yield f"  first     curl {gateway}/menu"
    speed = float((pace_of(os.environ) | os.environ)[SPEED])
    if speed != 1:
        yield f"  time      cooking is {speed:g} times as fast; in real time: {SPEED}=1 ./task dev"
    yield f"  data      {settings.var} (passwords in {FILE_NAME})"
    yield f"  redis     redis-cli -p {layout.redis_port}"
    if terminal.is_there():
        yield "Enter shows this again."
    yield "Ctrl-C stops everything."
    yield ""


if __name__ == "__main__":
    sys.exit(main())
