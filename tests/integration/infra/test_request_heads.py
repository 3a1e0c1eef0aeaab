"""What a request's head makes of the request, byte by byte over real sockets."""

import json

import pytest

from tests.integration.infra.wire import LAST, Echo, Wire, request, statuses

OFFERS = {
    "JDK": ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"],
    "websocket": [
        "Upgrade: websocket",
        "Connection: keep-alive, upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
    "several": ["Connection: upgrade", "Upgrade: TLS/1.0, foo", "upgrade: bar/2"],
    "nothing": ["Connection: Upgrade", "Upgrade:"],
}
INNER = request(path="/inner")
"""A body that looks like a request."""
FRAMINGS = {
    "content-length": (f"Content-Length: {len(INNER)}", INNER),
    "chunked": ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(INNER), INNER)),
    "chunked with a trailer": (
        "Transfer-Encoding: chunked",
        b"%x\r\n%b\r\n0\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" % (len(INNER), INNER),
    ),
}


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
async def test_upgrade_is_not_taken_up_and_the_body_is_the_requests(
    wire: Wire, offer: list[str], version: str
) -> None:
    app = Echo()
    length = f"Content-Length: {len(INNER)}"
    sent = request(*offer, length, method="POST", version=version, body=INNER)
    said = await wire.said_to(app, sent, LAST)
    assert app.asked[0].body == INNER
    # A client of HTTP/1.0 is answered once on a connection.
    assert statuses(said) == ([200, 200] if version == "1.1" else [200])
    assert "/inner" not in [asked.path for asked in app.asked]


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
async def test_body_that_comes_after_the_head_of_an_offer_is_no_request(
    wire: Wire, framing: tuple[str, bytes]
) -> None:
    line, body = framing
    app = Echo()
    async with wire.connected(app) as (reader, writer):
        writer.write(request(*OFFERS["JDK"], line, method="POST"))
        assert await app.begun.get() == "/"
        writer.write(body + LAST)
        said = await reader.read()
    assert statuses(said) == [200, 200]
    assert app.whole == [("/", INNER), ("/last", b"")]


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
async def test_offer_may_come_in_pieces_and_between_other_requests(wire: Wire, size: int) -> None:
    app = Echo()
    sent = b"".join(
        (
            request(path="/first"),
            request(*OFFERS["JDK"], path="/none"),
            *(
                request(*OFFERS["websocket"], line, method="POST", body=body)
                for line, body in FRAMINGS.values()
            ),
            request("X-Empty:", "X-Odd: \t a  b\xe9", *OFFERS["several"], path="/odd?a=b%20c"),
            LAST,
        )
    )
    async with wire.connected(app) as (reader, writer):
        for at in range(0, len(sent), size):
            writer.write(sent[at : at + size])
            await writer.drain()
        said = await reader.read()
    assert statuses(said) == [200] * (4 + len(FRAMINGS))
    bodies = [INNER] * len(FRAMINGS)
    assert app.whole == [
        ("/first", b""),
        ("/none", b""),
        *(("/", body) for body in bodies),
        ("/odd", b""),
        ("/last", b""),
    ]
    odd = dict(app.asked[-2].headers)
    assert (odd[b"x-empty"], odd[b"x-odd"]) == (b"", b"a  b\xe9")


async def test_offer_with_a_body_that_is_asked_for(wire: Wire) -> None:
    app = Echo()
    lines = ["Expect: 100-continue", "Content-Length: 5", "Connection: close"]
    async with wire.connected(app) as (reader, writer):
        writer.write(request("Upgrade: h2c", "Connection: upgrade", *lines, method="POST"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        assert (await reader.read()).endswith(b"\r\n\r\nhello")


async def test_trailer_is_no_header_of_its_request(wire: Wire) -> None:
    app = Echo()
    trailers = b"X-Forwarded-For: 203.0.113.9\r\nHost: there\r\n"
    sent = request("Transfer-Encoding: chunked", method="POST", body=b"0\r\n%b\r\n" % trailers)
    assert statuses(await wire.said_to(app, sent, LAST)) == [200, 200]
    assert [name for name, _ in app.asked[0].headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    "sent",
    [
        request(method="CONNECT", path="here:80", body=INNER),
        request(f"Content-Length: {len(INNER)}", method="CONNECT", path="/", body=INNER),
        request(*OFFERS["JDK"], method="CONNECT", path="/", body=INNER),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + INNER,
    ],
    ids=["CONNECT", "CONNECT of a path", "CONNECT with an offer", "preface of HTTP/2"],
)
async def test_other_protocols_are_refused_and_what_follows_is_no_request(
    wire: Wire, sent: bytes
) -> None:
    app = Echo()
    assert statuses(await wire.said_to(app, sent)) == [400]
    assert app.asked == []


HOSTS = [
    "here",
    "here:8080",
    "here:",
    " here\t",
    "HERE.example.",
    "a_b.example",
    "127.0.0.1:80",
    "[::1]",
    "[2001:db8::1]:443",
    "[v1.fe:80]",
    "xn--bcher-kva.example",
    "b%C3%BCcher",
    # RFC 9110 has a client send it where the target has no authority.
    "",
]
NO_HOSTS = [
    "here there",
    "here, there",
    "here/there",
    "anna@here",
    "here:80:80",
    "here:http",
    "http://here",
    "h\xe9re",
    "here%2",
    "here%zz",
    "::1",
    "[::1",
    "[::1]80",
    "[1::2::3]",
    "[]",
    "[here]",
    "[fe80::1%25eth0]",
    "he\\re",
    "<here>",
    "here?",
    "here#",
]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("host", HOSTS)
async def test_host_is_an_authority(wire: Wire, host: str, version: str) -> None:
    said = await wire.said_to(Echo(), request("Connection: close", host=host, version=version))
    assert statuses(said) == [200]


async def refusal_of(wire: Wire, *sent: bytes) -> str:
    """The detail of the 400 that is all that is said to it, before anything is run."""
    app = Echo()
    said = await wire.said_to(app, *sent, LAST)
    assert statuses(said) == [400]
    assert app.whole == []
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    problem = json.loads(body)
    assert problem["type"] == "/problems/malformed-http"
    detail: str = problem.get("detail", "")
    return detail


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("host", NO_HOSTS)
async def test_host_that_is_no_authority_is_refused(wire: Wire, host: str, version: str) -> None:
    assert "Host" in await refusal_of(wire, request(host=host, version=version))


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("second", ["here", "there", ""])
async def test_two_hosts_are_refused(wire: Wire, second: str, version: str) -> None:
    assert "Host" in await refusal_of(wire, request(f"Host: {second}", version=version))


async def test_request_without_a_host_is_refused_but_for_old_clients(wire: Wire) -> None:
    assert "Host" in await refusal_of(wire, request(host=None))
    assert statuses(await wire.said_to(Echo(), request(host=None, version="1.0"))) == [200]


async def test_offer_of_an_upgrade_is_no_way_round_the_checks(wire: Wire) -> None:
    assert "Host" in await refusal_of(wire, request(*OFFERS["JDK"], host=None))


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://there/menu?a=b", b"there", "/menu"),
        ("http://there:81", b"there:81", "/"),
        ("HTTPS://[::1]?a=b", b"[::1]", "/"),
    ],
)
async def test_authority_of_an_absolute_target_is_the_host(
    wire: Wire, target: str, host: bytes, path: str
) -> None:
    app = Echo()
    sent = request("X-A: b", "Connection: close", path=target)
    assert statuses(await wire.said_to(app, sent)) == [200]
    [asked] = app.asked
    assert asked.path == path
    assert [value for name, value in asked.headers if name == b"host"] == [host]
    old = request(host=None, path=target, version="1.0")
    assert statuses(await wire.said_to(app, old)) == [200]
    assert (b"host", host) in app.asked[-1].headers


@pytest.mark.parametrize(
    "target",
    ["http:///menu", "http://anna@there/", "http://a b/", "ftp://there/", "http://[::1/", "menu"],
)
async def test_absolute_target_of_no_web_server_is_refused(wire: Wire, target: str) -> None:
    await refusal_of(wire, request(path=target))


async def test_absolute_target_does_not_excuse_the_host(wire: Wire) -> None:
    assert "Host" in await refusal_of(wire, request(path="http://there/", host=None))
    assert "Host" in await refusal_of(wire, request(path="http://there/", host="here there"))


CHUNKED = "Transfer-Encoding: chunked"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def post(*lines: str, body: bytes = b"hello", version: str = "1.1") -> bytes:
    return request(*lines, method="POST", body=body, version=version)


# Where two readers could disagree on where a request ends, the second would read another request.
SMUGGLING = {
    "length and chunks": post("Content-Length: 5", CHUNKED, body=CHUNKS),
    "chunks and length": post(CHUNKED, "Content-Length: 5", body=CHUNKS),
    "two lengths": post("Content-Length: 5", "Content-Length: 6"),
    "a length twice": post("Content-Length: 5", "Content-Length: 5"),
    "list of lengths": post("Content-Length: 5, 5"),
    "length with +": post("Content-Length: +5"),
    "length with -": post("Content-Length: -5"),
    "length with a space": post("Content-Length: 1 5"),
    "length in hex": post("Content-Length: 0x5"),
    "no length": post("Content-Length:"),
    "length too long": post("Content-Length: 99999999999999999999999"),
    "coding before chunks": post("Transfer-Encoding: gzip, chunked", body=CHUNKS),
    "coding after chunks": post("Transfer-Encoding: chunked, gzip", body=CHUNKS),
    "another coding": post("Transfer-Encoding: gzip"),
    "identity": post("Transfer-Encoding: identity"),
    "chunked in chunks": post("Transfer-Encoding: chunked, chunked", body=CHUNKS),
    "chunked twice": post(CHUNKED, CHUNKED, body=CHUNKS),
    "xchunked": post("Transfer-Encoding: xchunked", body=CHUNKS),
    "chunked in quotes": post('Transfer-Encoding: "chunked"', body=CHUNKS),
    "chunked with a parameter": post("Transfer-Encoding: chunked;q=1", body=CHUNKS),
    "no coding": post("Transfer-Encoding:", body=CHUNKS),
    "vertical tab before chunked": post("Transfer-Encoding: \x0bchunked", body=CHUNKS),
    "chunks of HTTP/1.0": post(CHUNKED, body=CHUNKS, version="1.0"),
    "chunk too large": post(CHUNKED, body=b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "chunk with 0x": post(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk with -": post(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"),
    "space before a chunk's size": post(CHUNKED, body=b" 5\r\nhello\r\n0\r\n\r\n"),
    "space after a chunk's size": post(CHUNKED, body=b"5 \r\nhello\r\n0\r\n\r\n"),
    "chunk without a size": post(CHUNKED, body=b"\r\nhello\r\n0\r\n\r\n"),
    "chunk longer than its size": post(CHUNKED, body=b"5\r\nhelloo\r\n0\r\n\r\n"),
    "chunks with bare LF": post(CHUNKED, body=b"5\nhello\n0\n\n"),
    "LF in a chunk's extension": post(CHUNKED, body=b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "folded line": request("X-A: b", " c"),
    "line folded by a tab": request("X-A: b", "\tc"),
    "folded coding": post("Transfer-Encoding:", " chunked", body=CHUNKS),
    "folded first line": b"GET / HTTP/1.1\r\n Host: here\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: here\n\n",
    "bare LF after one line": b"GET / HTTP/1.1\r\nHost: here\nX-A: b\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: here\r\n\n",
    "bare CR": request("X-A: b\rX-B: c"),
    "bare CR at the end": b"GET / HTTP/1.1\rHost: here\r\r",
    "space before a colon": request("X-A : b"),
    "coding with a space before its colon": post("Transfer-Encoding : chunked", body=CHUNKS),
    "no colon": request("X-A"),
    "no name": request(": b"),
    "NUL in a value": request("X-A: a\0b"),
    "NUL in a name": request("X-\0A: b"),
    "quote in a name": request('X"A: b'),
    "tab in the first line": b"GET\t/ HTTP/1.1\r\nHost: here\r\n\r\n",
    "space after the version": b"GET / HTTP/1.1 \r\nHost: here\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "version 0.9": request(version="0.9"),
    "version 1.2": request(version="1.2"),
    "version 2.0": request(version="2.0"),
    "unknown method": request(method="BREW"),
}


@pytest.mark.parametrize("sent", SMUGGLING.values(), ids=SMUGGLING)
async def test_request_that_could_be_read_in_two_ways_is_refused(wire: Wire, sent: bytes) -> None:
    await refusal_of(wire, sent)


async def test_refusal_comes_in_its_turn_after_the_answers_that_are_due(wire: Wire) -> None:
    app = Echo()
    async with wire.connected(app) as (reader, writer):
        writer.write(request(path="/slow") + request(path="/next") + request(host=None) + LAST)
        assert await app.begun.get() == "/slow"
        app.may_answer.set()
        said = await reader.read()
    assert statuses(said) == [200, 200, 400]
    assert app.whole == [("/slow", b""), ("/next", b"")]


async def test_what_is_no_http_after_a_refusal_in_a_body_waits_for_the_answer_before(
    wire: Wire,
) -> None:
    app = Echo()
    async with wire.connected(app) as (reader, writer):
        writer.write(request(path="/slow") + post(CHUNKED, body=b"nonsense\r\n"))
        assert await app.begun.get() == "/slow"
        app.may_answer.set()
        said = await reader.read()
    assert statuses(said) == [200, 400]
    assert app.whole == [("/slow", b"")]
