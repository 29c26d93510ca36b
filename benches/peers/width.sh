#!/bin/sh
# Products of a kernel with a matrix: haul and its floor beside NumPy and KeOps, measured in one run.
#
#   benches/peers/width.sh                                  the table, and 13 000 points of 300 features
#   benches/peers/width.sh --case 13000 300 256 --rounds 5
#   benches/peers/width.sh --help
#
# Python packages go to target/peers and nowhere else. KeOps compiles with g++.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
peers=${PEERS_DIR:-$target/peers}

if [ ! -x "$peers/width/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$peers/width"
fi
"$peers/width/bin/pip" install --quiet --disable-pip-version-check numpy pykeops==2.3

export KEOPS_CACHE_FOLDER="$peers/keops" PYKEOPS_VERBOSE=0
mkdir -p "$KEOPS_CACHE_FOLDER"
exec "$peers/width/bin/python" "$here/width.py" "$@"
