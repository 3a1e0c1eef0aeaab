"""Addresses as settings write them, checked when they are read.

Every error says what to write instead and nothing of what was written: parts of it may be secret.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr

PORT = "the port must be a number from 1 to 65535"
HOST = "the host must be a name or an IP address, IPv6 in brackets"
ENCODE = (
    "user and password must be percent-encoded: "
    "# is written %23, / is %2F, ? is %3F, @ is %40, % is %25, [ is %5B, ] is %5D"
)

Port = Annotated[int, Field(ge=0, le=65535)]
"""Where a server listens; 0 leaves the choice to the operating system."""

_HOST_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DATABASE = re.compile(r"[0-9]{1,9}")
# RFC 3986, section 3.2.1, but for what no reader takes for anything else, as ^ or an umlaut.
_USER = re.compile(r"(?:[^#/?@%\[\]]|%[0-9A-Fa-f]{2})*")
_ABOVE_ZERO = re.compile(r"(?=.*[1-9])[0-9]{1,9}(\.[0-9]{1,9})?")
_YES_OR_NO = re.compile(r"(?i)yes|no|true|false|1|0")
_ANY = re.compile(r".+")
_QUERY: Mapping[str, re.Pattern[str]] = {
    "db": _DATABASE,
    "username": _ANY,
    "password": _ANY,
    "client_name": re.compile(r"[!-~]+"),
    "max_connections": re.compile(r"[1-9][0-9]{0,5}"),
    "health_check_interval": _DATABASE,
    "socket_connect_timeout": _ABOVE_ZERO,
    "socket_timeout": _ABOVE_ZERO,
    "timeout": _ABOVE_ZERO,
    "socket_keepalive": _YES_OR_NO,
    "ssl_ca_certs": _ANY,
    "ssl_ca_path": _ANY,
    "ssl_certfile": _ANY,
    "ssl_keyfile": _ANY,
    "ssl_password": _ANY,
    "ssl_cert_reqs": _ANY,
    "ssl_check_hostname": _YES_OR_NO,
    "ssl_ciphers": _ANY,
}
"""redis-py's query parameters that may be set. The others would change what the services rely on,
such as the type of replies, or are unknown to it, which it tells only when it connects."""


def _check_redis_url(setting: SecretStr) -> SecretStr:
    # A secret that is read from a file often ends with a line break.
    url = setting.get_secret_value().strip()
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in ("redis", "rediss") or not rest:
        raise ValueError("must be as redis://user:password@host:6379/0: redis:// or rediss://")
    user = rest.rpartition("@")[0]
    if not _is_encoded(user) or "#" in rest:
        raise ValueError(ENCODE)
    parts = _split(url)
    _check_host_and_port(parts)
    if not _DATABASE.fullmatch(parts.path.removeprefix("/") or "0"):
        raise ValueError("the database, after the /, must be a whole number such as 0")
    _check_query(parts)
    _check_that_redis_py_takes_it(url)
    return SecretStr(url)


def _check_query(parts: SplitResult) -> None:
    try:
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        query = [("", "")]
    for name, value in query:
        if name not in _QUERY:
            raise ValueError(f"after the ?, the query, may only stand {', '.join(_QUERY)}")
        if not _QUERY[name].fullmatch(value):
            raise ValueError(f"{name} in the query, after the ?, has no fit value")


def _check_that_redis_py_takes_it(url: str) -> None:
    # The gateway has no Redis.
    from redis.asyncio import ConnectionPool, SSLConnection

    try:
        # This connects to nothing.
        pool = ConnectionPool.from_url(url)
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        if isinstance(connection, SSLConnection):
            # Reads its files.
            connection.ssl_context.get()
    except Exception:
        raise ValueError(
            "the query, after the ?, does not fit: parameters of TLS take rediss:// and its files"
        ) from None


def _check_grpc_target(target: str) -> str:
    scheme, found, rest = target.partition(":")
    if not found:
        raise ValueError("must be as host:port or dns:///host:port")
    if scheme == "unix-abstract" or (scheme == "unix" and rest.startswith("/")):
        _check_printable(rest)
        return target
    if scheme in ("ipv4", "ipv6"):
        for address in rest.split(","):
            _check_address(address)
            host = urlsplit(f"//{address}").hostname or ""
            if not _is_ip(host) or (":" in host) != (scheme == "ipv6"):
                raise ValueError("after ipv4: or ipv6: must stand addresses with their ports")
        return target
    if scheme == "dns":
        if rest.startswith("//"):
            resolver, _, rest = rest.removeprefix("//").partition("/")
            if resolver:
                _check_host_and_port(_split(f"dns://{resolver}"))
        _check_address(rest)
        return target
    _check_address(target)
    return target


def _check_address(text: str) -> None:
    """Raises ValueError unless ``text`` is ``host:port``."""
    parts = _split(f"//{text}")
    if parts.netloc != text or "@" in text:
        raise ValueError("must be as host:port or dns:///host:port")
    _check_host_and_port(parts)
    if parts.port is None:
        raise ValueError(f"names no port; {PORT}")


def _check_host(host: str) -> str:
    """``host`` to bind to, an IPv6 address without its brackets."""
    bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not _is_host(bare):
        raise ValueError(
            "must be an IP address or a host's name; 0.0.0.0 or :: stand for every address"
        )
    return bare


def _check_otlp_endpoint(url: str) -> str:
    if not url:
        return url
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in ("http", "https") or not rest:
        raise ValueError("must be as http://host:4318")
    if "#" in rest or "?" in rest or not _is_encoded(rest.rpartition("@")[0]):
        raise ValueError(f"must be as http://host:4318, without ? and #; {ENCODE}")
    _check_host_and_port(_split(url))
    return url


def check_origin(text: str) -> str:
    """The origin ``text`` as browsers write it (RFC 6454, section 6.2), such as
    ``https://app.example.com``; ``*`` stands for every one.

    Raises:
        ValueError: it is none; the message says nothing of it.
    """
    if text == "*":
        return text
    text = text.removesuffix("/")
    parts = _split(text)
    if not parts.scheme or text.lower() != f"{parts.scheme}://{parts.netloc.lower()}":
        raise ValueError("must be as https://app.example.com, without a path")
    if "@" in parts.netloc:
        raise ValueError("must be as https://app.example.com, without user and password")
    _check_host_and_port(parts)
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme)
    return text.lower().removesuffix(usual) if usual else text.lower()


def _check_credential(setting: SecretStr) -> SecretStr:
    # What gRPC carries in metadata unchanged.
    if not re.fullmatch(r"([!-~]([ -~]*[!-~])?)?", setting.get_secret_value()):
        raise ValueError("must be printable ASCII, without spaces at its ends")
    return setting


RedisUrl = Annotated[SecretStr, AfterValidator(_check_redis_url)]
"""Such as ``redis://user:password@host:6379/0``; ``rediss://`` for TLS."""

GrpcTarget = Annotated[str, AfterValidator(_check_grpc_target)]
"""``host:port``, or by a scheme of gRPC's (its doc/naming.md): dns, ipv4, ipv6, unix."""

BindHost = Annotated[str, AfterValidator(_check_host)]

OtlpEndpoint = Annotated[str, AfterValidator(_check_otlp_endpoint)]
"""The base address of a collector; "" for none."""

Origin = Annotated[str, AfterValidator(check_origin)]

Credential = Annotated[SecretStr, AfterValidator(_check_credential)]


def join_host_port(host: str, port: int) -> str:
    """``host:port``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def without_user(url: str) -> str:
    """``url`` without user and password, to be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def is_internal(host: str) -> bool:
    """True for a host that no proxy leads to: a name without a dot, as Compose gives them, or an
    address of this machine's or of a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_private


def _split(url: str) -> SplitResult:
    _check_printable(url)
    try:
        return urlsplit(url)
    except ValueError:
        # A bracket too few, or no IPv6 address between two.
        raise ValueError(HOST) from None


def _check_printable(text: str) -> None:
    # urlsplit would take out line breaks without a word.
    if not text or not text.isprintable() or " " in text:
        raise ValueError(
            "must not be empty, nor hold spaces, line breaks or unprintable characters"
        )


def _check_host_and_port(parts: SplitResult) -> None:
    try:
        port = parts.port
    except ValueError:
        raise ValueError(PORT) from None
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(PORT)
    host = parts.hostname or ""
    is_bracketed = parts.netloc.rpartition("@")[2].startswith("[")
    if not host or (":" in host) != is_bracketed or not _is_host(host):
        raise ValueError(HOST)


def _is_encoded(user: str) -> bool:
    try:
        unquote(user, errors="strict")
    except UnicodeDecodeError:
        return False
    return _USER.fullmatch(user) is not None


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_host(host: str) -> bool:
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        return _is_ip(host)
    return _HOST_NAME.fullmatch(host) is not None
