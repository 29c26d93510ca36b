#!/bin/sh
# Exact transport beside POT's network simplex method, measured in one run.
#
#   benches/peers/exact.sh                              cubes of 1000, 5000 and 10 000 points, 300 random problems
#   benches/peers/exact.sh --cubes 1000 --problems 20   smaller
#   benches/peers/exact.sh --pair dragon.ply bunny.ply  two files as well, by haul alone
#   benches/peers/exact.sh --large 100000               a cube for haul alone
#   benches/peers/exact.sh --help
#
# Python packages go to target/peers and nowhere else.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
peers=${PEERS_DIR:-$target/peers}

if [ ! -x "$peers/exact/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$peers/exact"
fi
"$peers/exact/bin/pip" install --quiet --disable-pip-version-check numpy scipy POT==0.9.7.post1

exec "$peers/exact/bin/python" "$here/exact.py" "$@"
