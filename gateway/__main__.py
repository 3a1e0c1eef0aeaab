"""``python -m gateway``"""

from functools import partial

from gateway.app import serve
from gateway.settings import Settings
from infra import logs, process, tracing
from infra.settings import read_settings


def main() -> None:
    settings = read_settings(Settings)
    logs.configure("gateway", level=settings.log_level, log_format=settings.log_format)
    with tracing.exporting("gateway", settings):
        process.run(partial(serve, settings))


if __name__ == "__main__":
    main()
