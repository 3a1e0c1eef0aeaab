"""Origins, as browsers and as people write them."""

import pytest
from pydantic import ValidationError

from gateway.settings import Settings


def test_public_origins_are_kept_as_browsers_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().public_origin == ()
    monkeypatch.setenv(
        "GATEWAY_PUBLIC_ORIGIN",
        "https://Orders.Example.com:443/, http://10.0.0.7:8080, https://пицца.рф, http://[::1]:80",
    )
    assert Settings().public_origin == (
        "https://orders.example.com",
        "http://10.0.0.7:8080",
        "https://xn--80apu3aa.xn--p1ai",
        "http://[::1]",
    )


@pytest.mark.parametrize(
    "written",
    [
        "orders.example.com",
        "https://orders.example.com/brigade",
        "https://orders.example.com?a=b",
        "https://anna@orders.example.com",
        "ftp://orders.example.com",
        "https://",
        "https://a.example:99999",
        "*",
        "null",
    ],
)
def test_what_is_no_origin_is_refused_with_what_is(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_PUBLIC_ORIGIN", f"https://a.example, {written}")
    with pytest.raises(ValidationError, match="such as https:"):
        Settings()
