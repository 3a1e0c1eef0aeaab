#!/bin/sh
# Makes .venv and installs what requirements-dev.lock names, again whenever the lock has changed.
# uv does it in seconds; where uv can't be had, pip does. All that is said goes to stderr.
set -eu
cd "$(dirname -- "$0")/.."

lock=requirements-dev.lock
# The lines of it that pin uv, for sed: up to the first that does not go on.
uv_lines='^uv==/,/[^\\]$'

say() {
    echo "$1" >&2
}

# What .venv/installed holds when there is nothing to do. A new Python needs its packages anew.
wanted() {
    echo "$(cksum < "$lock") $(.venv/bin/python -V 2>/dev/null)"
}

is_installed() {
    [ -x .venv/bin/python ] && [ "$(cat .venv/installed 2>/dev/null)" = "$(wanted)" ]
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    say "Brigade needs Python 3.11 or newer: neither python3 nor python3.11 to 3.14 is one."
    return 1
}

# A .venv of which the making was broken off, or whose Python is gone or another one now, is none.
is_venv() {
    .venv/bin/python - 2>/dev/null <<'CHECK'
import sys

made_for = "{}.{}.".format(*sys.version_info)
with open(sys.prefix + "/pyvenv.cfg", encoding="utf-8") as lines:
    settings = dict(line.strip().split(" = ", 1) for line in lines if " = " in line)
# "version" where venv made it, "version_info" where virtualenv or uv did.
version = settings.get("version") or settings["version_info"]
sys.exit(not version.startswith(made_for))
CHECK
}

# Held until this shell ends, however it ends. Where the lock can't be had, it goes on without.
wait_for_the_others() {
    exec 9< "$lock"
    "$python" - <<'LOCK' || :
import fcntl
import sys

try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Waiting for another ./task that is installing.", file=sys.stderr, flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)
LOCK
}

# Sets $pip to what runs pip for .venv: its own, that of the Python it was made of (since 22.3 pip
# can install elsewhere), or one that Python brings, which takes 3 s to install.
find_pip() {
    if .venv/bin/python -c 'import pip' 2>/dev/null; then
        pip=".venv/bin/python -m pip"
    elif "$python" -c 'import pip, sys; sys.exit([*map(int, pip.__version__.split(".")[:2])] < [22, 3])' 2>/dev/null; then
        pip="$python -m pip --python .venv/bin/python"
    elif .venv/bin/python -m ensurepip > /dev/null 2>&1; then
        pip=".venv/bin/python -m pip"
    else
        say "Python has no pip; on Debian and Ubuntu: apt-get install python3-venv"
        exit 1
    fi
    pip="$pip --disable-pip-version-check --no-input"
}

get_uv() {
    [ -x .venv/bin/uv ] && return
    sed -n "/$uv_lines/p" "$lock" > .venv/uv.lock
    # A wheel or nothing: to build uv takes a Rust compiler, and many minutes.
    # shellcheck disable=SC2086
    $pip install $quiet --retries 1 --only-binary :all: --no-deps --require-hashes \
        -r .venv/uv.lock 3>&2 2> .venv/uv.log >&3 && [ -x .venv/bin/uv ]
}

# Tells uv of the mirror and the certificate that pip is set up with: it reads its own settings only.
share_pips_settings() {
    settings=$($pip config list 2>/dev/null)
    index=$(setting index-url)
    certificate=$(setting cert)
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        export UV_DEFAULT_INDEX="$index"
    fi
    if [ -n "$certificate" ] && [ -z "${SSL_CERT_FILE:-}" ]; then
        export SSL_CERT_FILE="$certificate"
    fi
}

# Prints the value of pip's setting $1; the environment comes last, and counts.
setting() {
    echo "$settings" | sed -n "s/^[^=]*\.$1='\(.*\)'\$/\1/p" | tail -n 1
}

install_by_uv() {
    share_pips_settings
    # shellcheck disable=SC2086 # no word or one
    .venv/bin/uv pip install $quiet --python .venv/bin/python --require-hashes -r "$lock" >&2
}

# Without uv, which is there or can't be had.
install_by_pip() {
    sed "/$uv_lines/d" "$lock" > .venv/rest.lock
    # shellcheck disable=SC2086
    $pip install $quiet --require-hashes -r .venv/rest.lock >&2
}

if is_installed; then
    exit 0
fi
if [ ! -w . ]; then
    say "Brigade keeps its tools in .venv, but $(pwd) can't be written: make it writable, or clone elsewhere."
    exit 1
fi
python=$(find_python)
wait_for_the_others
if is_installed; then
    exit 0
fi
# Nobody watches a file grow.
quiet=$([ -t 2 ] || echo --quiet)
if ! is_venv; then
    say "Installing Brigade's tools into .venv, once: 150 MB to download, then a few seconds."
    "$python" -m venv --clear --without-pip .venv || {
        say "Python can't make .venv; on Debian and Ubuntu: apt-get install python3-venv"
        exit 1
    }
else
    say "Installing what changed in $lock into .venv."
fi
find_pip
# Until all is there, what is there is not what any lock says.
rm -f .venv/installed
if ! get_uv; then
    say "uv can't be had here ($(tail -n 1 .venv/uv.log)): pip installs, which takes a minute or two."
    install_by_pip
elif ! install_by_uv; then
    say "uv could not install: pip does, which takes a minute or two."
    install_by_pip
fi
wanted > .venv/installed
