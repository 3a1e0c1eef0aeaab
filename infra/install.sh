#!/bin/sh
# Makes .venv and installs what requirements-dev.lock names, again whenever the lock has changed.
set -eu
cd "$(dirname -- "$0")/.."

wanted=$(cksum < requirements-dev.lock)
if [ -x .venv/bin/python ] && [ "$(cat .venv/installed 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Brigade needs Python 3.11 or newer: neither python3 nor python3.11 to 3.14 is one." >&2
    return 1
}

if [ ! -x .venv/bin/python ] || [ ! -x .venv/bin/pip ]; then
    python=$(find_python)
    echo "Installing Brigade's tools into .venv; this is done once and takes a minute or two." >&2
    "$python" -m venv --clear .venv || {
        echo "Python can't make .venv; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
else
    echo "Installing what changed in requirements-dev.lock into .venv." >&2
fi
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-input \
    --require-hashes -r requirements-dev.lock
echo "$wanted" > .venv/installed
