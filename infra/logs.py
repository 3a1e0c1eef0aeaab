"""One log line a fact: an event name in the past tense, and fields. For people on a terminal, JSON
elsewhere. The request id joins the lines of one request through all services."""

import logging
import sys
from datetime import UTC, datetime
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["auto", "console", "json"]


def configure(service: str, *, level: str = "INFO", log_format: LogFormat = "auto") -> None:
    """Sends structlog's and the standard library's records through one renderer to stderr.

    Args:
        service: stands in every line as ``service``.
        level: the least severe level that is shown.
        log_format: ``auto`` is ``console`` where stderr is a terminal, else ``json``.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamp(service),
    ]
    rendering: list[Processor]
    if console:
        rendering = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                timestamp_key="time",
                # The default shows every local variable, a password among them.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    else:
        rendering = [structlog.processors.format_exc_info, _render_json]
    structlog.configure(
        # Past the standard library, which takes 24 of the 32 us such a line takes through it.
        processors=[*shared, *rendering],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These tell of every request or job at INFO; our own lines already do.
    for chatty in ("httpx", "httpcore", "apscheduler", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _stamp(service: str) -> Processor:
    """Adds the time, RFC 3339 in UTC, and whose line it is."""

    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["time"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        event["service"] = service
        return event

    return add


def _render_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger every module uses; what is bound to the context joins each of its lines."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
