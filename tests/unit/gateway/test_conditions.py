import pytest
from starlette.requests import Request

from gateway.conditions import NO_VERSION, UNKNOWN_VERSION, is_known, known_version, wanted_version


def a_request(name: str, *lines: str) -> Request:
    headers = [(name.encode(), line.encode()) for line in lines]
    return Request({"type": "http", "method": "GET", "headers": headers})


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ('"3"', 3),
        ('"1", "3"', 3),
        ("*", None),
        ('W/"3"', UNKNOWN_VERSION),
        ('W/"3", "2"', 2),
        ('"7-1c291ca3"', 7),
        ('"three"', UNKNOWN_VERSION),
        ('"٣"', UNKNOWN_VERSION),
        (f'"{"9" * 40}"', UNKNOWN_VERSION),
        ("3", UNKNOWN_VERSION),
        ("", UNKNOWN_VERSION),
        # Weak tags begin with a capital letter (RFC 9110, section 8.8.3); these are no tags.
        ('w/"3"', UNKNOWN_VERSION),
        ('order"3"', UNKNOWN_VERSION),
        ('"3" or "4"', UNKNOWN_VERSION),
        (', "3" ,', 3),
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
        ('x"3"', False),
        ('"1", "2"3"', False),
    ],
)
def test_if_none_match_compares_weakly(header: str, known: bool) -> None:
    assert is_known(a_request("if-none-match", header), 3) is known


def test_state_is_a_part_of_the_tag() -> None:
    assert is_known(a_request("if-none-match", '"7-a"'), "7-a")
    assert not is_known(a_request("if-none-match", '"7-a"'), "7-b")


def test_lines_of_one_field_count_together() -> None:
    assert is_known(a_request("if-none-match", '"1"', '"3"'), 3)
    assert wanted_version(a_request("if-match", '"3"', '"5"')) == 5
    assert known_version(a_request("if-none-match", '"3"', '"5"')) == NO_VERSION
