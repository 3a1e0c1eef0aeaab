#!/bin/sh
# Generates Python from the contracts, beside them; with --check only says whether that is fresh.
set -eu
cd "$(dirname -- "$0")/.."
PATH="$PWD/.venv/bin:$PATH"

generate_into() {
    find shared_proto -name '*.proto' | sort | xargs python -m grpc_tools.protoc -I . \
        --python_out="$1" --grpc_python_out="$1" --mypy_out="quiet:$1" --mypy_grpc_out="quiet:$1"
}

list_generated_in() {
    (cd "$1" && find shared_proto -name '*_pb2*.py*' ! -path '*/__pycache__/*' | sort)
}

if [ "${1:-}" != --check ]; then
    generate_into .
    exit
fi

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
generate_into "$fresh" >/dev/null
stale=''
for file in $( (list_generated_in . && list_generated_in "$fresh") | sort -u); do
    cmp -s "$file" "$fresh/$file" || stale="$stale $file"
done
if [ -n "$stale" ]; then
    echo "Generated code is not what the contracts say; run ./task proto:$stale" >&2
    exit 1
fi
