"""What HTTP asks of a request's head beyond the grammar that the server's parser holds it to."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from infra.http_cycle import Header

VERSIONS = frozenset({"1.0", "1.1"})

# RFC 3986 section 3.2, without the user: RFC 9110 section 4.2.4 has such a target refused.
_AUTHORITY = re.compile(
    rb"""
    (?: \[ (?: (?P<ipv6> [0-9A-Fa-f:.]+ ) | [vV][0-9A-Fa-f]+\.[\w.~!$&'()*+,;=:-]+ ) \]
      | (?P<name> (?: [\w.~!$&'()*+,;=-] | %[0-9A-Fa-f]{2} )* ) )
    (?: :[0-9]* )?
    """,
    re.VERBOSE,
)
# The parser leaves what follows a value.
_SPACE = b" \t"
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class MalformedHeadError(Exception):
    """A request's head is not one that HTTP permits. The text tells the client what is."""


def check_head(version: str, headers: Iterable[Header]) -> None:
    """Raises MalformedHeadError: the version is another one than HTTP/1.0 or HTTP/1.1, the request
    does not name one host (RFC 9112 section 3.2), or it is not clear where its body ends (section
    6.1).

    Args:
        version: such as ``1.1``.
        headers: with names in lower case.
    """
    host = None
    for name, value in headers:
        if name == b"host":
            if host is not None:
                raise MalformedHeadError("send one Host header field, not several")
            host = value.strip(_SPACE)
        elif name == b"transfer-encoding" and (version == "1.0" or not _is_chunked(value)):
            # By another coding the body would be taken as it is, still encoded.
            raise MalformedHeadError("send no Transfer-Encoding but chunked, by HTTP/1.1")
    if version not in VERSIONS:
        raise MalformedHeadError("speak HTTP/1.1")
    if host is None:
        # Probes of load balancers send none.
        if version != "1.0":
            raise MalformedHeadError("send a Host header field, such as Host: example.com")
    elif not _is_authority(host):
        raise MalformedHeadError(
            "send a Host header field that is a host and, if needed, a port, such as "
            "Host: example.com:8080"
        )


def split_absolute(target: bytes) -> tuple[bytes, bytes]:
    """The authority of an absolute request target, such as ``http://host/path?query``, and what
    remains of it.

    Raises:
        MalformedHeadError: it is not that of a web server.
    """
    match = _ABSOLUTE.fullmatch(target)
    if match is None or not match[1] or match[1].startswith(b":") or not _is_authority(match[1]):
        raise MalformedHeadError("send a target that is a path, or an http address")
    authority, rest = match[1], match[2]
    return authority, rest if rest.startswith(b"/") else b"/" + rest


def _is_chunked(value: bytes) -> bool:
    return value.strip(_SPACE).lower() == b"chunked"


# Clients name few hosts. What is kept is bounded by how long a head may be.
@lru_cache(maxsize=16)
def _is_authority(value: bytes) -> bool:
    match = _AUTHORITY.fullmatch(value)
    if match is None:
        return False
    if (address := match["ipv6"]) is not None:
        try:
            IPv6Address(address.decode("ascii"))
        except AddressValueError:
            return False
    return True
