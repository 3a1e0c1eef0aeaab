"""``task up``: secrets, containers, staff and a first menu; ``secrets`` makes the secrets alone."""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import httpx

from infra.compose.installation import AUTH_PORT, GATEWAY_PORT, Installation
from infra.compose.secrets_file import STAFF_PASSWORDS, UnfitSecretError
from infra.dev.opening import OpeningError


def main() -> int:
    """Does what is asked; the exit status says whether it worked."""
    parser = argparse.ArgumentParser(prog="python -m infra.compose", description=__doc__)
    parser.add_argument("command", choices=["up", "secrets"])
    asked, passed_on = parser.parse_known_args()
    installation = Installation()
    try:
        variables = installation.prepare_secrets()
    except UnfitSecretError as error:
        print(f"setting {error}", file=sys.stderr)
        return os.EX_CONFIG
    if asked.command == "secrets":
        return 0
    try:
        installation.start(*passed_on)
        asyncio.run(installation.open_house(variables))
    except subprocess.CalledProcessError as error:
        print("brigade: not everything is up; `task logs` says more", file=sys.stderr)
        return error.returncode
    except TimeoutError:
        print("brigade: staff and menu can't be made; `task logs` says why", file=sys.stderr)
        return 1
    except (OpeningError, httpx.HTTPError) as error:
        print(f"brigade: {error}", file=sys.stderr)
        return 1
    print("\n".join(_banner(installation, variables)))
    return 0


def _banner(installation: Installation, variables: Mapping[str, str]) -> Iterator[str]:
    gateway = installation.url_of("gateway", GATEWAY_PORT)
    auth = installation.url_of("auth", AUTH_PORT)
    yield ""
    yield "Brigade is open."
    yield f"  guests    {gateway}/"
    yield f"  kitchen   {gateway}/kitchen   (cook / {variables[STAFF_PASSWORDS['cook']]})"
    yield f"  pickup    {gateway}/board"
    yield f"  API       {gateway}/docs and {auth}/docs"
    yield f"  admin     admin / {variables[STAFF_PASSWORDS['admin']]}"
    yield f"  first     curl {gateway}/menu"
    yield "  then      task ps, task logs, task redis-cli, task down"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
