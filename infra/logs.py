"""One log line a fact: an event name in the past tense, and fields. For people on a terminal, JSON
elsewhere. The request id joins the lines of one request through all services."""

import logging
import sys
from typing import Literal

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
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _name_the_service(service),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    rendering: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if console:
        rendering += [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                timestamp_key="time",
                # The default shows every local variable, a password among them.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    else:
        rendering += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=rendering)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These tell of every request or job at INFO; our own lines already do.
    for chatty in ("httpx", "httpcore", "apscheduler", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _name_the_service(service: str) -> Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger every module uses; what is bound to the context joins each of its lines."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
