"""Ports for servers that come and go."""

import random
import socket

# Below those the system gives to outgoing connections (32768 and up, on Linux): while a server is
# being started again, no connection of somebody else's can have taken its port.
RANGE = range(20_000, 32_000)
BUS = 10_000
"""How far above its own port a node of a Redis Cluster listens to the others."""

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


def free_cluster_port() -> int:
    """A port for a node of a Redis Cluster; that of its bus, ``BUS`` above, is free too."""
    # So that the bus stays below the system's own ports as well.
    below = range(RANGE.start, RANGE.stop - BUS)
    for port in random.sample(below, len(below)):
        both = {port, port + BUS}
        if not both & _given and all(map(_is_free, both)):
            _given.update(both)
            return port
    raise OSError("no port is free together with the one for the cluster's bus")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
