"""The head of an event stream, and how the rest of it is handed over."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.long_answers import LongAnswersMiddleware, Wire, hand_over
from gateway.sse import RETRY, EventStreamResponse, encode
from infra.connections import EXTENSION

CHUNKED = SimpleNamespace(chunked_encoding=True, flow=None, transport=None)


def a_scope(method: str = "GET") -> Scope:
    return {
        "type": "http",
        "method": method,
        "path": "/order/stream",
        "headers": [(b"cookie", b"long")],
        "extensions": {EXTENSION: {"connection": Mock(), "cycle": lambda: CHUNKED}},
    }


async def receive() -> Message:
    return {"type": "http.disconnect"}


class Rest:
    """Notes how it was run; forgotten when it never was."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def run(self, receive: Receive, wire: Wire) -> None:
        self.log.append("run")

    def forget(self) -> None:
        self.log.append("forgotten")


@pytest.mark.parametrize(
    ("method", "bodies", "log"),
    [("GET", [(RETRY, True)], ["run"]), ("HEAD", [(b"", False)], ["forgotten"])],
)
async def test_head_is_sent_first_and_the_rest_runs_if_it_is_wanted(
    method: str, bodies: list[tuple[bytes, bool]], log: list[str]
) -> None:
    rest: Any = Rest()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await LongAnswersMiddleware(EventStreamResponse(rest))(a_scope(method), receive, send)
    assert sent[0]["status"] == 200
    assert (b"cache-control", b"no-store, no-transform") in sent[0]["headers"]
    assert (b"x-accel-buffering", b"no") in sent[0]["headers"]
    assert [(message["body"], message["more_body"]) for message in sent[1:]] == bodies
    assert rest.log == log


async def test_stream_whose_head_could_not_be_sent_is_forgotten() -> None:
    rest: Any = Rest()

    async def send(_: Message) -> None:
        await asyncio.Event().wait()

    answering = asyncio.create_task(
        LongAnswersMiddleware(EventStreamResponse(rest))(a_scope(), receive, send)
    )
    await asyncio.sleep(0)
    answering.cancel()
    await asyncio.wait({answering})
    assert rest.log == ["forgotten"]


async def test_layers_below_have_returned_when_the_rest_runs() -> None:
    rest = Rest()
    scope = a_scope()

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            hand_over(scope, rest)
        finally:
            rest.log.append("returned")

    async def send(_: Message) -> None:
        pass

    await LongAnswersMiddleware(layer)(scope, receive, send)
    assert rest.log == ["returned", "run"]
    assert scope == {"method": "GET"}, "what the request said is kept no longer"


def test_event_is_encoded_as_fields_with_its_data_in_one_line() -> None:
    assert encode("status", {"note": "two\nlines, ÿ"}, "7-0") == (
        'id: 7-0\nevent: status\ndata: {"note":"two\\nlines, ÿ"}\n\n'.encode()
    )
