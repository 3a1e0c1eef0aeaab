"""How long a login takes for a name nobody has, for a wrong password, and for the right one."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus

import httpx

from infra.dev.bench_login.errors import UnexpectedAnswerError

UNKNOWN, WRONG, RIGHT = "unknown name", "wrong password", "right password"
EXPECTED = {
    UNKNOWN: HTTPStatus.UNAUTHORIZED,
    WRONG: HTTPStatus.UNAUTHORIZED,
    RIGHT: HTTPStatus.OK,
}
REGISTERED = 20
WARM_UP = 5


async def time_logins(http: httpx.AsyncClient, rounds: int) -> Mapping[str, Sequence[float]]:
    """Seconds of each login, by its kind; ``http`` is to auth.

    One at a time, the three kinds in turns, so that whatever else the machine does meets all of
    them alike.

    Raises:
        UnexpectedAnswerError: one was answered as it must not be.
    """
    password = secrets.token_urlsafe(12)
    names = [f"bench-{secrets.token_hex(6)}" for _ in range(REGISTERED)]
    for name in names:
        answer = await http.post("/api/v1/register", json={"login": name, "password": password})
        _check(answer, HTTPStatus.CREATED)
    seconds: dict[str, list[float]] = {kind: [] for kind in EXPECTED}
    for number in range(-WARM_UP, rounds):
        for kind, body in _attempts(names[number % REGISTERED], password):
            began = time.perf_counter()
            answer = await http.post("/api/v1/login", json=body)
            took = time.perf_counter() - began
            _check(answer, EXPECTED[kind])
            if number >= 0:
                seconds[kind].append(took)
    return seconds


def _attempts(name: str, password: str) -> Iterator[tuple[str, dict[str, str]]]:
    # As long as the real ones: not even the length of a body is to make a difference.
    other = secrets.token_hex(6)
    yield UNKNOWN, {"login": f"bench-{other}", "password": password}
    yield WRONG, {"login": name, "password": secrets.token_urlsafe(12)}
    yield RIGHT, {"login": name, "password": password}


def _check(answer: httpx.Response, expected: HTTPStatus) -> None:
    if answer.status_code != expected:
        raise UnexpectedAnswerError(f"{answer.url.path} answered {answer.status_code}")
