"""What is made of addresses that were found fit."""

import pytest

from infra.addresses import check_origin, is_internal, join_host_port, without_user


@pytest.mark.parametrize(
    ("host", "internal"),
    [
        ("jaeger", True),
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("172.18.0.4", True),
        ("8.8.8.8", False),
        ("2001:4860:4860::8888", False),
        ("collector.example.com", False),
    ],
)
def test_proxies_are_for_what_leaves_the_installation(host: str, internal: bool) -> None:
    assert is_internal(host) is internal


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("http://jaeger:4318", "http://jaeger:4318"),
        ("https://user:secret@[::1]:4318/otlp", "https://[::1]:4318/otlp"),
    ],
)
def test_address_is_shown_without_user_and_password(written: str, shown: str) -> None:
    assert without_user(written) == shown


def test_address_of_ipv6_stands_in_brackets_before_a_port() -> None:
    assert join_host_port("::1", 8080) == "[::1]:8080"
    assert join_host_port("127.0.0.1", 8080) == "127.0.0.1:8080"


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://App.Example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_origin_is_written_as_browsers_do(written: str, origin: str) -> None:
    assert check_origin(written) == origin
