"""``./task dev``: a real Redis and the four services on this machine, until Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping

from infra.dev.certificates import tls_settings
from infra.dev.children import Child, kept_running
from infra.dev.guest import open_http
from infra.dev.layout import Layout, LayoutError
from infra.dev.local_redis import RedisNotFoundError, find_redis_server, redis_command
from infra.dev.opening import OpeningError, import_sample_menu_if_none, make_staff
from infra.dev.readiness import NotReadyError, wait_until_ready
from infra.dev.secrets_file import FILE_NAME, STAFF, Secrets, read_or_make_secrets
from infra.dev.services import SERVICES, Service
from infra.dev.settings import DevSettings

READY_SECONDS = 60


def main() -> int:
    """Runs everything; the exit status says whether it ran as it should."""
    argparse.ArgumentParser(
        prog="dev",
        description="A real Redis and the four services on this machine, until Ctrl-C.",
        epilog="It takes no arguments: settings are environment variables, and the README lists "
        "them, as in KITCHEN_SPEED=60 ./task dev.",
    ).parse_args()
    settings = DevSettings()
    try:
        layout = Layout.from_environment(os.environ)
        layout.check_ports_are_free()
        redis = _redis(settings, layout)
    except (LayoutError, RedisNotFoundError) as error:
        print(f"brigade: {error}", file=sys.stderr)
        return 1
    secrets = read_or_make_secrets(settings.var)
    services = [
        Child(
            service.name,
            [sys.executable, "-m", service.name],
            layout.environment_of(service, secrets, _given(settings, service)),
        )
        for service in SERVICES
    ]
    return asyncio.run(_run(settings, layout, secrets, redis, services))


def _given(settings: DevSettings, service: Service) -> Mapping[str, str]:
    """What the environment already settles for ``service``."""
    return (tls_settings(service, settings.certs) if settings.certs else {}) | os.environ


def _redis(settings: DevSettings, layout: Layout) -> Child:
    data, logs = settings.var / "redis", settings.var / "log"
    for folder in (data, logs):
        folder.mkdir(parents=True, exist_ok=True)
    command = redis_command(find_redis_server(), layout.redis_port, data)
    return Child("redis", [*command, "--logfile", str(logs / "redis.log")], os.environ)


async def _run(
    settings: DevSettings, layout: Layout, secrets: Secrets, redis: Child, services: list[Child]
) -> int:
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
    async with kept_running(redis), kept_running(*services):
        opening = asyncio.create_task(_open_the_house(layout, secrets))
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
            return _explain(error, services)
        else:
            print("\n".join(_banner(settings, layout, secrets)), flush=True)
            await stopped
    print("Brigade is closed.", flush=True)
    return 0


async def _one_can_not_run(services: list[Child]) -> None:
    """Returns when a service has ended for its settings, and has said so."""
    waiting = [asyncio.create_task(service.can_not_run.wait()) for service in services]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _open_the_house(layout: Layout, secrets: Secrets) -> None:
    ops_urls = {service.name: layout.ops_url(service.name) for service in SERVICES}
    await wait_until_ready(ops_urls, seconds=READY_SECONDS)
    auth = layout.environment_of(SERVICES[0], secrets, os.environ)
    async with open_http(layout.gateway_url) as http:
        staff = {
            login: await make_staff(http, login, secrets.passwords[login], role, auth)
            for login, role in STAFF.items()
        }
        await import_sample_menu_if_none(staff["admin"])


def _explain(error: BaseException, services: list[Child]) -> int:
    if isinstance(error, NotReadyError):
        print(f"brigade: not everything is up after {READY_SECONDS} s", file=sys.stderr)
        children = {child.name: child for child in services}
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
    yield f"  data      {settings.var} (passwords in {FILE_NAME})"
    yield f"  redis     redis-cli -p {layout.redis_port}"
    yield "Ctrl-C stops everything."
    yield ""


if __name__ == "__main__":
    sys.exit(main())
