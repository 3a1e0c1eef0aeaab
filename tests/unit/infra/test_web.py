"""HTTP as every service speaks it: bodies, problems, request ids."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from infra.errors import Violation
from infra.problems import ProblemType
from infra.web import (
    EXCEPTION_HANDLERS,
    MAX_BODY_BYTES,
    EdgeMiddleware,
    ProblemError,
    json_pointer,
    read_json,
)


class Side(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = ""
    grams: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 0


class Dish(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    prices: list[int] = []
    sides: list[Side] = []

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not name:
            raise ValueError("a dish has a name")
        return name


async def _echo(request: Request) -> Response:
    return JSONResponse((await read_json(request, Dish)).model_dump())


async def _burn(_: Request) -> Response:
    raise RuntimeError("the secret recipe")


async def _refuse(_: Request) -> Response:
    raise ProblemError(
        ProblemType("sold-out", 409, "Sold out"),
        "no soup today",
        errors=[Violation("/items/0", "sold out")],
        headers={"Retry-After": "60"},
        sku="soup",
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(
        routes=[
            Route("/echo", _echo, methods=["POST"]),
            Route("/burn", _burn),
            Route("/refuse", _refuse),
        ],
        middleware=[Middleware(EdgeMiddleware)],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def _assert_problem(response: httpx.Response, status: int, slug: str) -> dict[str, object]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert body["status"] == status
    assert body["type"] == f"/problems/{slug}"
    return body


async def test_body_becomes_the_model(client: httpx.AsyncClient) -> None:
    response = await client.post("/echo", json={"name": "soup", "prices": [450]})
    assert response.json() == {"name": "soup", "prices": [450], "sides": []}


async def test_body_of_another_type_is_415(client: httpx.AsyncClient) -> None:
    response = await client.post("/echo", content=b"name=soup")
    _assert_problem(response, 415, "unsupported-media-type")


async def test_body_past_the_cap_is_413(client: httpx.AsyncClient) -> None:
    body = b'{"name": "%s"}' % (b"x" * MAX_BODY_BYTES)
    response = await client.post(
        "/echo", content=body, headers={"Content-Type": "application/json"}
    )
    _assert_problem(response, 413, "body-too-large")


async def _echo_of(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return await client.post("/echo", content=body, headers=headers)


def _nested(depth: int, inner: bytes = b"") -> bytes:
    return b'{"name": "soup", "sides": %s}' % (b"[" * depth + inner + b"]" * depth)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[" * 5000,
        b"{'name': 'soup'}",
        b'{"name": "soup"}}',
        b'{"name": "soup"} // tasty',
        b'{"name": "soup"}\x00',
        b'{"name": "soup",}',
        b'{"name": soup}',
        b'\xef\xbb\xbf{"name": "soup"}',
        '{"name": "soup"}'.encode("utf-16"),
        b"\xff",
        b'{"name": "\xe9"}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": "\xc0\x80"}',
        b'{"name": "a\nb"}',
        b'{"name": "\\ud800"}',
        b'{"name": "soup", "\\udc00": 1}',
        b'{"name": "soup", "prices": [NaN]}',
        b'{"name": "soup", "prices": [Infinity]}',
        b'{"name": "soup", "prices": [-Infinity]}',
        b'{"name": "soup", "prices": [01]}',
        b'{"name": "soup", "prices": [1.]}',
        b'{"name": "soup", "prices": [+1]}',
        b'{"name": "soup", "prices": [1e400]}',
        b'{"name": "soup", "prices": [-1e99999999999999999999]}',
        b'{"name": "soup", "prices": [%s]}' % (b"1" * 5000),
        _nested(201),
        _nested(990),
        _nested(990, b'{"a": 1, "a": 1}'),
        _nested(2000),
    ],
)
async def test_body_that_is_no_json_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    told = _assert_problem(await _echo_of(client, body), 400, "malformed-json")
    assert told["detail"]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1.0", 1),
        ("1.000", 1),
        ("1e0", 1),
        ("1E+2", 100),
        ("10e-1", 1),
        ("-0.0", 0),
        ("0e999999999999999999", 0),
        ("0.0e-999999999999999999", 0),
        ("9007199254740993.0", 2**53 + 1),
        ("9223372036854775807.0", 2**63 - 1),
        ("9.223372036854775807e18", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1." + "0" * 60_000, 1),
    ],
)
async def test_number_is_an_integer_however_it_is_written(
    client: httpx.AsyncClient, written: str, number: int
) -> None:
    body = f'{{"name": "soup", "prices": [2], "sides": [{{"grams": {written}}}]}}'
    answer = await _echo_of(client, body.encode())
    assert answer.status_code == 200, answer.text
    assert answer.json()["sides"][0]["grams"] == number


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("1.5", "integer"),
        ("1e-1", "integer"),
        ("1e-999999999999999999", "integer"),
        ("1e-99999999999999999999", "integer"),
        ("1." + "0" * 60_000 + "1", "integer"),
        ("true", "integer"),
        ('"1"', "integer"),
        ("null", "integer"),
        ("9223372036854775808", "less than"),
        ("9223372036854775808.0", "less than"),
        ("1e19", "less than"),
        ("1e308", "less than"),
        ("-1e308", "greater than"),
    ],
)
async def test_what_is_no_integer_or_too_large_a_one_is_named(
    client: httpx.AsyncClient, written: str, says: str
) -> None:
    body = f'{{"name": "soup", "sides": [{{"grams": {written}}}]}}'
    told = _assert_problem(await _echo_of(client, body.encode()), 422, "invalid-request")
    (error,) = told["errors"]  # type: ignore[misc]
    assert error["pointer"] == "/sides/0/grams"
    assert says in error["detail"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (r'{"name": "soup", "name": "stew"}', ["/name"]),
        (r'{"name": "soup", "name": "soup"}', ["/name"]),
        (r'{"name": "soup", "n\u0061me": "stew"}', ["/name"]),
        # As many colons as if no member were there twice.
        (r'{"name": "soup\u003A", "name": "stew\u003a"}', ["/name"]),
        (r'{"name": "a:b", "sides": [{"grams": 1, "grams": 2}]}', ["/sides/0/grams"]),
        (
            r'{"name": "soup", "sides": [{}, {"name": "a", "grams": 1, "grams": 1, "name": "b"}]}',
            ["/sides/1/name", "/sides/1/grams"],
        ),
        (r'{"name": "soup", "sides": [{"grams": 1}], "sides": []}', ["/sides"]),
        # One that is not known, too.
        (r'{"name": "soup", "a/b": 1, "a/b": 1}', ["/a~1b"]),
    ],
)
async def test_of_two_members_with_one_name_none_is_taken(
    client: httpx.AsyncClient, body: str, pointers: list[str]
) -> None:
    told = _assert_problem(await _echo_of(client, body.encode()), 422, "invalid-request")
    assert [error["pointer"] for error in told["errors"]] == pointers  # type: ignore[attr-defined]
    assert all("twice" in error["detail"] for error in told["errors"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    ["a:b", 'say \\"x\\": y', r"\u0061\u003a\u003A", r"\\u003a", "ö\\n:", "🍜", r"\ud83c\udf5c"],
)
async def test_colons_and_escapes_in_text_are_no_members(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await _echo_of(
        client, f'{{"name": "{name}", "sides": [{{"name": "{name}"}}]}}'.encode()
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == json.loads(f'"{name}"')


async def test_fields_at_fault_are_named_by_pointer(client: httpx.AsyncClient) -> None:
    response = await client.post("/echo", json={"name": "", "prices": [1, "x"], "a/b~c": 1})
    body = _assert_problem(response, 422, "invalid-request")
    errors = {error["pointer"]: error["detail"] for error in body["errors"]}  # type: ignore[attr-defined]
    assert set(errors) == {"/name", "/prices/1", "/a~1b~0c"}
    assert errors["/name"] == "a dish has a name"


async def test_document_of_another_shape_is_named_by_the_empty_pointer(
    client: httpx.AsyncClient,
) -> None:
    body = _assert_problem(await client.post("/echo", json=[]), 422, "invalid-request")
    assert [error["pointer"] for error in body["errors"]] == [""]  # type: ignore[attr-defined]


async def test_problem_carries_its_facts_errors_and_headers(client: httpx.AsyncClient) -> None:
    response = await client.get("/refuse")
    body = _assert_problem(response, 409, "sold-out")
    assert body["detail"] == "no soup today"
    assert body["sku"] == "soup"
    assert body["errors"] == [{"pointer": "/items/0", "detail": "sold out"}]
    assert response.headers["retry-after"] == "60"


async def test_unknown_path_and_method_are_problems(client: httpx.AsyncClient) -> None:
    _assert_problem(await client.get("/nowhere"), 404, "not-found")
    response = await client.get("/echo")
    _assert_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


async def test_unexpected_error_is_logged_and_reveals_nothing(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        response = await client.get("/burn", headers={"X-Request-ID": "abc"})
    _assert_problem(response, 500, "internal")
    assert "recipe" not in response.text
    assert response.headers["x-request-id"] == "abc"
    assert [line["event"] for line in logs] == ["request_failed", "request_served"]
    assert logs[0]["exc_info"]
    assert logs[1]["status"] == 500


async def test_request_id_is_echoed(client: httpx.AsyncClient) -> None:
    response = await client.get("/refuse", headers={"X-Request-ID": "Table-4"})
    assert response.headers["x-request-id"] == "Table-4"


@pytest.mark.parametrize("asked", ["", "two words", "x" * 129, "caf\xe9"])
async def test_request_id_that_would_spoil_logs_is_replaced(
    client: httpx.AsyncClient, asked: str
) -> None:
    headers = {"X-Request-ID": asked.encode("latin-1")}
    response = await client.get("/refuse", headers=headers)  # type: ignore[arg-type]
    assert response.headers["x-request-id"] not in {"", asked}


def test_pointer_escapes_what_rfc_6901_reserves() -> None:
    assert json_pointer(["a/b", "~", 0]) == "/a~1b/~0/0"
