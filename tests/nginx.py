"""nginx before a gateway, set up as docs/operations.md says."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.dev.settings import REPOSITORY

# Debian keeps it where only root's PATH leads.
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

needs_nginx = pytest.mark.skipif(
    NGINX is None and not os.environ.get("CI"), reason="there is no nginx on this machine"
)
"""For tests that a laptop without nginx skips and continuous integration does not."""

START_SECONDS = 20

CONFIGURATION = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
"""


def documented_server(**replacements: str) -> str:
    """The block of docs/operations.md, with the values of its directives replaced by these."""
    guide = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```nginx\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    server = str(block)
    for directive, value in replacements.items():
        server, count = re.subn(rf"\b{directive} [^;]*;", f"{directive} {value};", server)
        assert count == 1, directive
    return server


@asynccontextmanager
async def nginx_running(folder: Path, *servers: str) -> AsyncIterator[None]:
    """nginx with these ``server`` blocks, until the block ends; its files are in ``folder``."""
    _write(folder, *servers)
    process = await asyncio.create_subprocess_exec(
        *(NGINX or "nginx", "-e", "stderr", "-p", str(folder), "-c", "nginx.conf"),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    try:
        async with asyncio.timeout(START_SECONDS):
            # Its sockets are open by then.
            while b"getrlimit(RLIMIT_NOFILE)" not in said:
                line = await process.stderr.readline()
                assert line, said.decode()
                said += line
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def _write(folder: Path, *servers: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text("".join((CONFIGURATION, *servers, "}\n")), encoding="utf-8")
