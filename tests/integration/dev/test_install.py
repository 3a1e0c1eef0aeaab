"""``infra/install.sh`` over a lock, an index and a uv of the tests' own: nothing is downloaded."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.dev.settings import REPOSITORY

TIMEOUT = 100
UV = """\
#!/bin/sh
echo "$* index=${UV_DEFAULT_INDEX:-}" >> "$UV_CALLS"
exit "$(cat "$UV_STATUS")"
"""


class Checkout:
    """A checkout with only what installing needs, in a folder whose name has a space."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "a checkout"
        self.wheels = folder / "wheels"
        (self.path / "infra").mkdir(parents=True)
        self.wheels.mkdir()
        shutil.copy(REPOSITORY / "infra" / "install.sh", self.path / "infra")
        self._calls, self._status = folder / "uv-calls", folder / "uv-status"
        self.let_uv_end_with(0)
        self._lock: list[str] = []

    def let_uv_end_with(self, status: int) -> None:
        self._status.write_text(str(status))

    def pin(self, name: str, *, files: dict[str, str], is_offered: bool = True) -> None:
        """Adds a package to the lock, and its wheel to the index if it ``is_offered``."""
        info = f"{name}-1.0.dist-info"
        wheel = self.wheels / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as packed:
            for path, text in {
                **files,
                f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
                f"{info}/RECORD": "",
            }.items():
                member = zipfile.ZipInfo(path)
                member.external_attr = (stat.S_IFREG | 0o755) << 16
                packed.writestr(member, text)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if not is_offered:
            wheel.unlink()
        self._lock.append(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n")
        (self.path / "requirements-dev.lock").write_text("".join(self._lock))

    def pin_uv(self, *, is_offered: bool = True) -> None:
        self.pin("uv", files={"uv-1.0.data/scripts/uv": UV}, is_offered=is_offered)

    def begin(self, **settings: str) -> "subprocess.Popen[str]":
        """Starts to install, from another folder, as an editor would."""
        return subprocess.Popen(
            ["sh", str(self.path / "infra" / "install.sh")],
            cwd=self.wheels,
            env={
                # The Python that runs the tests is python3 here.
                "PATH": f"{self._python()}:/usr/bin:/bin",
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.wheels),
                "UV_CALLS": str(self._calls),
                "UV_STATUS": str(self._status),
                **settings,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def install(self, **settings: str) -> tuple[int, str]:
        """The exit status, and what was said."""
        process = self.begin(**settings)
        said, _ = process.communicate(timeout=TIMEOUT)
        return process.returncode, said

    @property
    def calls_of_uv(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    @property
    def has_tool(self) -> bool:
        """True if pip has installed the package that is no uv."""
        python = self.path / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", "import tool"], check=False).returncode == 0

    def _python(self) -> Path:
        folder = self.wheels.parent / "python"
        folder.mkdir(exist_ok=True)
        (folder / "python3").unlink(missing_ok=True)
        # A link would be taken for the environment that the tests run in.
        base = Path(sys.base_prefix) / "bin" / "python3"
        (folder / "python3").write_text(f'#!/bin/sh\nexec "{base}" "$@"\n')
        (folder / "python3").chmod(0o755)
        return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path)
    checkout.pin("tool", files={"tool.py": ""})
    return checkout


def test_uv_of_the_lock_installs_once_and_again_when_the_lock_has_changed(
    checkout: Checkout,
) -> None:
    checkout.pin_uv()
    status, said = checkout.install(PIP_INDEX_URL="http://mirror.invalid/simple")
    assert status == 0, said
    assert "once" in said
    # Its mirror is the one that pip is set up with.
    assert checkout.calls_of_uv == [
        "pip install --quiet --python .venv/bin/python --require-hashes -r requirements-dev.lock"
        " index=http://mirror.invalid/simple"
    ]
    assert checkout.install() == (0, "")
    assert len(checkout.calls_of_uv) == 1
    checkout.pin("another", files={"another.py": ""})
    status, said = checkout.install()
    assert status == 0, said
    assert "what changed" in said
    assert len(checkout.calls_of_uv) == 2


def test_pip_installs_where_uv_can_not_be_had(checkout: Checkout) -> None:
    checkout.pin_uv(is_offered=False)
    status, said = checkout.install()
    assert status == 0, said
    assert "pip installs" in said
    assert checkout.has_tool
    assert checkout.install() == (0, "")


def test_pip_installs_where_uv_fails(checkout: Checkout) -> None:
    checkout.pin_uv()
    checkout.let_uv_end_with(1)
    status, said = checkout.install()
    assert status == 0, said
    assert "uv could not install" in said
    assert checkout.has_tool


def test_what_failed_is_done_again_in_a_new_environment_where_the_old_is_of_another_python(
    checkout: Checkout,
) -> None:
    checkout.pin_uv()
    checkout.pin("gone", files={}, is_offered=False)
    checkout.let_uv_end_with(1)
    status, said = checkout.install()
    assert status != 0, said
    checkout.let_uv_end_with(0)
    settings = checkout.path / ".venv" / "pyvenv.cfg"
    settings.write_text("version = 3.1.0\n")
    status, said = checkout.install()
    assert status == 0, said
    assert len(checkout.calls_of_uv) == 2
    assert "version = 3.1.0" not in settings.read_text()


def test_two_at_once_install_once(checkout: Checkout) -> None:
    checkout.pin_uv()
    processes = [checkout.begin() for _ in range(2)]
    said = [process.communicate(timeout=TIMEOUT)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert len(checkout.calls_of_uv) == 1
