"""``python -m infra.healthcheck URL``: asks a server of this container whether it is well.

``grpc://HOST:PORT`` asks the standard health service (grpc.health.v1) for the whole server,
``http://…`` wants an answer that is no error. The exit status is the answer.
"""

import sys
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

SECONDS = 3


def ask(url: str) -> str | None:
    """What is wrong with the server at ``url``, None when it is well."""
    return _ask_grpc(urlsplit(url).netloc) if url.startswith("grpc://") else _ask_http(url)


def _ask_http(url: str) -> str | None:
    try:
        # Straight to it, whatever proxies the environment names.
        with build_opener(ProxyHandler({})).open(url, timeout=SECONDS):
            return None
    except (URLError, OSError) as error:
        return str(error)


def _ask_grpc(target: str) -> str | None:
    # Only here: they take longer to import than the rest takes to run.
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(target) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError as error:
            return str(error)
    serving = health_pb2.HealthCheckResponse.SERVING
    if answer.status == serving:
        return None
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1]))
