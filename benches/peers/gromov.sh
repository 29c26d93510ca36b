#!/bin/sh
# Gromov-Wasserstein beside POT's entropic solver, and OTT's, measured in one run.
#
#   benches/peers/gromov.sh                       1000 and 4000 points, and 20 000 for haul alone
#   benches/peers/gromov.sh --points 300 --large  smaller
#   benches/peers/gromov.sh --ott PYTHON          OTT as well, by a Python that has it
#   benches/peers/gromov.sh --help
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

exec "$peers/exact/bin/python" "$here/gromov.py" "$@"
