"""Which of the representations there are a request asks for."""

import pytest

from infra.negotiation import accepts_gzip, preferred

JSON, HTML, KEYS = "application/json", "text/html", "application/jwk-set+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# Of URLConnection, as Java's standard library has it.
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


@pytest.mark.parametrize(
    ("accept", "media_type", "is_accepted"),
    [
        ("", JSON, True),
        ("application/json;charset=utf-8", JSON, True),
        ("Application/JSON; Q=1", JSON, True),
        ("application/json;q=0", JSON, False),
        ("application/json;q=0.000, */*", JSON, False),
        ("*/*;q=0", JSON, False),
        ("application/json;q=best", JSON, False),
        ("application/json;q=nan", JSON, False),
        ("application/json;q=-1", JSON, False),
        ('text/plain;note="a, application/json"', JSON, False),
        ("application/json;v=2;q=0, application/json", JSON, True),
        # A client of JSON reads what is JSON underneath (RFC 6839, section 3.1).
        ("application/json", KEYS, True),
        ("application/json, text/plain", KEYS, True),
        ("application/json;q=0, application/jwk-set+json", KEYS, True),
        ("application/jwk-set+json;q=0, application/json", KEYS, False),
        ("application/jwk-set+json", JSON, False),
        ("text/json", KEYS, False),
    ],
)
def test_accept_header_permits_a_media_type_or_not(
    accept: str, media_type: str, is_accepted: bool
) -> None:
    assert (preferred(accept, (media_type,)) == media_type) is is_accepted


@pytest.mark.parametrize(
    ("accept", "offered", "best"),
    [
        ("", (JSON, HTML), JSON),
        ("*/*", (JSON, HTML), JSON),
        (BROWSER, (JSON, HTML), HTML),
        (JAVA, (JSON, HTML), HTML),
        ("text/html;q=0", (JSON, HTML), None),
        ("text/html;q=0, */*;q=0.1", (JSON, HTML), JSON),
        ("application/json;q=0.9, text/html;q=0.5", (JSON, HTML), JSON),
        ("application/json, text/html", (HTML, JSON), HTML),
        ("text/*, application/json;q=0.5", (JSON, HTML), HTML),
        ("image/png", (JSON, HTML), None),
    ],
)
def test_best_quality_is_sent_then_what_is_named_more_exactly_then_our_own_choice(
    accept: str, offered: tuple[str, ...], best: str | None
) -> None:
    assert preferred(accept, offered) == best


@pytest.mark.parametrize(
    ("accept_encoding", "is_accepted"),
    [
        ("gzip, deflate, br, zstd", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("br;q=1, *;q=0.5", True),
        ("gzip;q=0.5, identity;q=0.1", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzipped", False),
        ("identity, gzip;q=0.5", False),
    ],
)
def test_gzip_is_sent_where_it_is_accepted_and_not_the_second_choice(
    accept_encoding: str, is_accepted: bool
) -> None:
    assert accepts_gzip(accept_encoding) is is_accepted
