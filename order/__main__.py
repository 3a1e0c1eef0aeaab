"""``python -m order``: runs the order service."""

from infra import logs
from infra.process import run
from infra.settings import read_settings
from infra.tracing import exporting
from order.app import serve
from order.settings import Settings


def main() -> None:
    """Reads the settings once and serves until told to stop."""
    settings = read_settings(Settings)
    logs.configure("order", level=settings.log_level, log_format=settings.log_format)
    with exporting("order", settings):
        run(lambda stopping: serve(settings, stopping))


if __name__ == "__main__":
    main()
