"""``python -m infra.healthcheck URL``: asks a server of this container whether it is well.

``grpc://HOST:PORT`` asks the standard health service (grpc.health.v1) for the whole server,
``http://…`` wants an answer that is no error. The exit status is the answer. Where the environment
configures TLS for a service (``*_TLS_CERT``, ``_KEY`` and ``_CA``) it asks as that service.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

SECONDS = 3
# Docker keeps no more of what a health check says.
MOST_BYTES = 4_096


def ask(url: str) -> str | None:
    """What is wrong with the server at ``url``, None when it is well."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("grpc", "http", "https") or not (parts.hostname and parts.port):
            raise ValueError
    except ValueError:
        return "ask with grpc://HOST:PORT or http://HOST:PORT/PATH"
    return _ask_grpc(parts.netloc) if parts.scheme == "grpc" else _ask_http(url)


def _ask_http(url: str) -> str | None:
    try:
        # Straight to it, whatever proxies the environment names.
        with build_opener(ProxyHandler({})).open(url, timeout=SECONDS):
            return None
    except HTTPError as error:
        return f"{error}: {error.read(MOST_BYTES).decode(errors='replace')}"
    except (URLError, OSError) as error:
        return str(error)


def _ask_grpc(target: str) -> str | None:
    # Only here: they take longer to import than the rest takes to run.
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from infra.tls import UnfitCertificateError

    try:
        opened = _open_channel(target, os.environ)
    except UnfitCertificateError as error:
        return str(error)
    with opened as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError as error:
            return str(error)
    serving = health_pb2.HealthCheckResponse.SERVING
    if answer.status == serving:
        return None
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def _open_channel(target: str, environment: Mapping[str, str]) -> Any:
    import grpc

    from infra.tls import Tls

    # Straight to it here, too.
    options: list[tuple[str, Any]] = [("grpc.enable_http_proxy", 0)]
    for setting in environment:
        service = setting.removesuffix("_TLS_CERT")
        files = [environment.get(f"{service}_TLS_{part}", "") for part in ("CERT", "KEY", "CA")]
        if all(files):
            # The server is that very service, by whatever address it is asked.
            options.append(("grpc.ssl_target_name_override", service.lower()))
            return grpc.secure_channel(target, Tls.read(*map(Path, files)).of_channel(), options)
    return grpc.insecure_channel(target, options)


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1]))
