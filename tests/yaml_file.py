"""Reading YAML without a library for it: Task, which the locked requirements bring, reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TASKFILE = """
version: '3'
silent: true
tasks:
  default:
    vars: {JSON: '{{.YAML_TEXT | fromYaml | toJson}}'}
    env: {YAML_AS_JSON: '{{.JSON}}'}
    cmds: [printenv YAML_AS_JSON]
"""


def read_yaml(path: Path, folder: Path) -> dict[str, Any]:
    """The document in ``path``; ``folder`` takes a scratch file.

    Raises:
        CalledProcessError: it is no YAML.
    """
    taskfile = folder / "Taskfile.yml"
    taskfile.write_text(TASKFILE, encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("task"), "--taskfile", taskfile],
        env={"PATH": os.environ["PATH"], "YAML_TEXT": path.read_text(encoding="utf-8")},
        check=True,
        capture_output=True,
        text=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document
