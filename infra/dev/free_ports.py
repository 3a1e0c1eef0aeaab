"""Ports for servers that come and go."""

import random
import socket

# Below those the system gives to outgoing connections (32768 and up, on Linux): while a server is
# being started again, no connection of somebody else's can have taken its port.
RANGE = range(20_000, 32_000)

_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now; none that this process was given before."""
    found: list[int] = []
    # Drawn at random, because other processes look for free ports at the same time.
    for port in random.sample(RANGE, len(RANGE)):
        if len(found) == count:
            break
        if port not in _given and _is_free(port):
            found.append(port)
    _given.update(found)
    return found


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
