"""One log line a fact: an event name in the past tense, and fields. For people on a terminal, JSON
elsewhere. The request id joins the lines of one request through all services."""

import asyncio
import atexit
import logging
import sys
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import orjson
import structlog
from structlog.contextvars import merge_contextvars
from structlog.processors import add_log_level, format_exc_info
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
    if console:
        processors = [merge_contextvars, add_log_level, _stamp(service), console_renderer()]
        foreign: Sequence[Processor] = processors
    else:
        line = _json_line(service)
        processors = [line]
        foreign = [lambda *about: line(*about).decode().removesuffix("\n")]
    structlog.configure(
        # Past the standard library, which takes 24 of the 32 us such a line takes through it.
        processors=processors,
        logger_factory=structlog.WriteLoggerFactory(sys.stderr) if console else _Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *foreign],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("grpc._cython.cygrpc").addFilter(calm_broken_answers)
    # These tell of every request or job at INFO; our own lines already do.
    for chatty in ("httpx", "httpcore", "apscheduler", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


_EXPECTED = ("ExecuteBatchError raised in core by servicer method", "Aborting method [")


def calm_broken_answers(record: logging.LogRecord) -> bool:
    """Makes a fact of what gRPC calls an error or warns of: an answer whose caller was gone by
    then, and a stream that was open when its server stopped.

    The first is the network's or the caller's doing, and the caller asks again; the other is how
    long streams end. What the method itself fails on is logged otherwise
    (https://github.com/grpc/grpc/pull/32551).
    """
    if str(record.msg).startswith(_EXPECTED):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.exc_info = None
    return True


def _stamp(service: str) -> Processor:
    """Adds the time, RFC 3339 in UTC, and whose line it is."""

    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["time"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        event["service"] = service
        return event

    return add


def console_renderer() -> Processor:
    """Renders a line for people, in colour where stderr is a terminal."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        timestamp_key="time",
        # The default shows every local variable, a password among them.
        exception_formatter=structlog.dev.plain_traceback,
    )


def _json_line(service: str) -> Callable[[WrappedLogger, str, EventDict], bytes]:
    """A line of JSON with all that belongs to it, in one: a processor for each takes 1 us more."""
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

    def render(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        event = add_log_level(logger, method, merge_contextvars(logger, method, event))
        if "exc_info" in event:
            event = format_exc_info(logger, method, event)
        event["time"] = datetime.now(UTC)
        event["service"] = service
        return orjson.dumps(event, default=str, option=options)

    return render


class _Lines:
    """Writes what a turn of the event loop had to tell when that turn is over, all at once.

    A write for each line is a quarter of what a line costs. Outside a loop each goes at once.
    """

    # One for the process, which has one stderr; other threads may add to it.
    waiting: ClassVar[deque[bytes]] = deque()

    def __init__(self, *_: Any) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = self.add

    def add(self, line: bytes) -> None:
        self.waiting.append(line)
        if len(self.waiting) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.write)
            except RuntimeError:
                self.write()

    @classmethod
    def write(cls) -> None:
        lines: list[bytes] = []
        while cls.waiting:
            lines.append(cls.waiting.popleft())
        if lines:
            sys.stderr.buffer.write(b"".join(lines))
            sys.stderr.buffer.flush()


# A loop may end before its last turn was over.
atexit.register(_Lines.write)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger every module uses; what is bound to the context joins each of its lines."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
