#!/bin/sh
# The word mover's distance beside POT's network simplex method, measured in one run.
#
#   benches/peers/words.sh COUNTS.npz VECTORS.npy      documents of one's own: counts as SciPy's save_npz writes them
#   benches/peers/words.sh                             documents drawn from topics, which need no file
#   benches/peers/words.sh --help
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

exec "$peers/exact/bin/python" "$here/words.py" "$@"
