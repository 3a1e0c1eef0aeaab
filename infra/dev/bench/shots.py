"""The requests that make a load, in the one form every load generator reads."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

KEY_MARK = b"@KEY@"
"""Stands where each request sent gets a key of its own, as many characters for all."""
BETWEEN = b"\x1e"
"""The ASCII record separator: no request has it."""


def request(
    method: str,
    path: str,
    *,
    token: str = "",
    json_body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """One HTTP/1.1 request as it goes over the wire."""
    body = b"" if json_body is None else json.dumps(json_body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def write_shots(file: Path, requests: Iterable[bytes]) -> None:
    """Keeps requests that are sent in turn, again and again, in ``file``."""
    file.write_bytes(BETWEEN.join(requests))


def read_shots(file: Path) -> list[bytes]:
    """The requests kept in ``file``."""
    return file.read_bytes().split(BETWEEN)
