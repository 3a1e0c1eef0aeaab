"""``python -m kitchen``: reads the settings, sets up the logs, serves until it is told to stop."""

from infra import logs, process, tracing
from infra.settings import read_settings
from kitchen.app import serve
from kitchen.settings import Settings

if __name__ == "__main__":
    settings = read_settings(Settings)
    logs.configure("kitchen", level=settings.log_level, log_format=settings.log_format)
    with tracing.exporting("kitchen", settings):
        process.run(lambda stopping: serve(settings, stopping))
