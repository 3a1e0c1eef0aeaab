"""How a refusal travels between services: a gRPC status, a reason, its facts, the fields at fault.

On the wire it is ``google.rpc.Status`` with ``ErrorInfo`` and ``BadRequest`` details
(https://google.aip.dev/193), so that any gRPC client can read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

DOMAIN = "brigade"
DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True)
class Violation:
    """One field at fault: a JSON pointer (RFC 6901) into the request, and what is wrong there."""

    pointer: str
    message: str


class RefusedError(Exception):
    """Base of every refusal a service expects to give. Carries facts and knows no status code.

    Each subclass says what happened; the edge's table says how that leaves. ``facts`` are shown to
    the caller, so nothing secret belongs there.
    """

    violations: tuple[Violation, ...] = ()

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts


@dataclass(frozen=True)
class Answer:
    """How one kind of error leaves a gRPC server: its status, and a reason programs can rely on."""

    code: grpc.StatusCode
    reason: str


Answers = Mapping[type[Exception], Answer]

# What may go wrong in any service.
COMMON_ANSWERS: Answers = {
    # Away, loading, or not taking writes; any other error of Redis's is a bug of ours.
    RedisConnectionError: Answer(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
    RedisTimeoutError: Answer(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
    ReadOnlyError: Answer(grpc.StatusCode.UNAVAILABLE, "STORE_READ_ONLY"),
    OutOfMemoryError: Answer(grpc.StatusCode.UNAVAILABLE, "STORE_FULL"),
    # What generated servicers raise for an RPC that nobody wrote.
    NotImplementedError: Answer(grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED"),
    TimeoutError: Answer(grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_TIMEOUT"),
}


def find_answer(answers: Answers, error: Exception) -> Answer | None:
    """The most specific entry for ``error``, or None when it was not expected."""
    for kind in type(error).__mro__:
        if (answer := answers.get(kind) or COMMON_ANSWERS.get(kind)) is not None:
            return answer
    # Redis 6.2 tells of a full memory inside a script by its text alone; either comes before the
    # script has written anything.
    if isinstance(error, ResponseError) and ("-OOM " in str(error) or "MISCONF" in str(error)):
        return COMMON_ANSWERS[OutOfMemoryError]
    return None


async def abort(
    context: grpc.aio.ServicerContext[Any, Any], answer: Answer, error: Exception
) -> NoReturn:
    """Ends a call with ``answer``. The text of errors that are no refusal stays here."""
    refused = isinstance(error, RefusedError)
    status = status_pb2.Status(
        code=answer.code.value[0], message=str(error) if refused else answer.reason.lower()
    )
    facts = error.facts if isinstance(error, RefusedError) else {}
    info = error_details_pb2.ErrorInfo(
        reason=answer.reason,
        domain=DOMAIN,
        metadata={name: str(value) for name, value in facts.items()},
    )
    details: list[Any] = [info]
    if isinstance(error, RefusedError) and error.violations:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(
                        field=violation.pointer, description=violation.message
                    )
                    for violation in error.violations
                ]
            )
        )
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    await context.abort(answer.code, status.message, ((DETAILS_KEY, status.SerializeToString()),))
    raise AssertionError("abort always raises")


@dataclass(frozen=True)
class Refusal:
    """A refusal as the caller reads it."""

    code: grpc.StatusCode
    reason: str
    message: str
    facts: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()


def read_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """What the other side said. ``reason`` is the status's name where it gave no details."""
    raw = next((v for k, v in error.trailing_metadata() or () if k == DETAILS_KEY), None)
    message = error.details() or ""
    if raw is None:
        return Refusal(error.code(), error.code().name, message)
    status = status_pb2.Status.FromString(raw if isinstance(raw, bytes) else raw.encode("latin-1"))
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        # Unpack leaves the message alone and answers False when the detail is of another type.
        detail.Unpack(info) or detail.Unpack(bad)
    return Refusal(
        code=error.code(),
        reason=info.reason or code_pb2.Code.Name(status.code),
        message=status.message,
        facts=dict(info.metadata),
        violations=tuple(Violation(v.field, v.description) for v in bad.field_violations),
    )
