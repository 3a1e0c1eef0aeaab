"""The folder of a development machine's data, which one run at a time may use."""

import fcntl
from pathlib import Path
from typing import IO


class FolderError(Exception):
    """The folder can't be used. For people."""


def take_folder(folder: Path) -> IO[bytes]:
    """Makes ``folder`` where it is missing, and keeps others from it until the result is closed:
    two Redis servers over the same files would spoil them.

    Raises:
        FolderError: it can't be written, or another process has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    except OSError as error:
        raise FolderError(
            f"{folder} can't be written ({error.strerror}): make it writable, "
            "or set BRIGADE_VAR to another folder"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise FolderError(
            f"another ./task dev runs over {folder}: stop it, or set BRIGADE_VAR to another folder "
            "and other ports"
        ) from error
    return lock
