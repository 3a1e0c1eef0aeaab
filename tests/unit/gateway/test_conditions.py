import pytest
from starlette.requests import Request

from gateway.conditions import UNKNOWN_VERSION, etag, is_known, wanted_version


def a_request(name: str, value: str) -> Request:
    headers = [(name.encode(), value.encode())]
    return Request({"type": "http", "method": "GET", "headers": headers})


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ('"3"', 3),
        ('"1", "3"', 3),
        ("*", None),
        ('W/"3"', UNKNOWN_VERSION),
        ('W/"3", "2"', 2),
        ('"7-paused"', 7),
        ('"three"', UNKNOWN_VERSION),
        ('"٣"', UNKNOWN_VERSION),
        (f'"{"9" * 40}"', UNKNOWN_VERSION),
        ("3", UNKNOWN_VERSION),
        ("", UNKNOWN_VERSION),
    ],
)
def test_if_match_names_a_version_by_strong_tags_only(header: str, version: int | None) -> None:
    assert wanted_version(a_request("if-match", header)) == version


def test_without_if_match_any_version_will_do() -> None:
    assert wanted_version(a_request("accept", "*/*")) is None


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"3"', True),
        ('W/"3"', True),
        ('"1", W/"3"', True),
        ("*", True),
        ('"33"', False),
        ("3", False),
    ],
)
def test_if_none_match_compares_weakly(header: str, known: bool) -> None:
    assert is_known(a_request("if-none-match", header), etag(3)) is known


def test_state_is_a_part_of_the_tag() -> None:
    assert is_known(a_request("if-none-match", '"7-open"'), etag(7, "open"))
    assert not is_known(a_request("if-none-match", '"7-open"'), etag(7, "closed"))
