"""Origins (RFC 6454): whose pages a request may come from."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import Url
from pydantic_settings import NoDecode

from infra.settings import split_list

DEFAULT_PORTS = {"http": 80, "https": 443}
# A name has 253 characters at most (RFC 1035, section 2.3.4).
LONGEST = 300


def read_origin(text: str) -> str:
    """The origin that ``text`` writes, as browsers send it; "" where it is none of a page."""
    try:
        url = Url(text)
    except ValueError:
        return ""
    more = (url.username, url.password, url.query, url.fragment)
    if (
        len(text) > LONGEST
        or url.scheme not in DEFAULT_PORTS
        or url.path not in (None, "/")
        or any(each is not None for each in more)
    ):
        return ""
    port = "" if url.port == DEFAULT_PORTS[url.scheme] else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"


def _read_origins(written: tuple[str, ...]) -> tuple[str, ...]:
    for each in written:
        if not read_origin(each):
            raise ValueError("write origins without a path, such as https://orders.example.com")
    return tuple(read_origin(each) for each in written)


PublicOrigins = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(split_list), AfterValidator(_read_origins)
]
"""A setting such as ``https://orders.example.com, http://10.0.0.7:8080``."""


def are_https(origins: tuple[str, ...]) -> bool:
    """Whether all pages are reached by HTTPS alone."""
    return bool(origins) and all(each.startswith("https:") for each in origins)
