"""``python -m auth`` serves; ``grant``, ``revoke`` and ``reset`` tend accounts,
``rotate-keys`` makes a new signing key."""

import asyncio
import sys
from functools import partial

from auth.app import serve
from auth.commands import argument_parser, run_command
from auth.settings import Settings
from infra import logs, process, tracing
from infra.settings import read_settings


def main() -> None:
    asked = argument_parser().parse_args()
    settings = read_settings(Settings)
    logs.configure("auth", level=settings.log_level, log_format=settings.log_format)
    if asked.command is None:
        with tracing.exporting("auth", settings):
            process.run(partial(serve, settings))
    else:
        sys.exit(asyncio.run(run_command(settings, asked)))


if __name__ == "__main__":
    main()
