#!/bin/sh
# Solves in many dimensions: haul beside POT, regot and mdot-tnt, measured in one run.
#
#   benches/peers/high_dimension.sh
#   benches/peers/high_dimension.sh --rounds 5 --only haul,POT
#   benches/peers/high_dimension.sh --help
#
# Python packages go to target/peers and nowhere else. Build haul first: cargo build --release
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
peers=${PEERS_DIR:-$target/peers}

if [ ! -x "$peers/high_dimension/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$peers/high_dimension"
fi
"$peers/high_dimension/bin/pip" install --quiet --disable-pip-version-check numpy POT regot mdot-tnt

exec "$peers/high_dimension/bin/python" "$here/high_dimension.py" "$@"
