#!/bin/sh
# Barycenters: haul beside POT and OTT-JAX, to the same gap of the objective, measured in one run.
#
#   benches/peers/barycenters.sh                          images of 256 × 256, and clouds of 2000 points
#   benches/peers/barycenters.sh --side 64 --points 500   smaller
#   benches/peers/barycenters.sh --help
#
# Python packages go to target/peers and nowhere else. OTT-JAX 0.6.0 does not run on newer versions of JAX.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
peers=${PEERS_DIR:-$target/peers}

if [ ! -x "$peers/barycenters/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$peers/barycenters"
fi
"$peers/barycenters/bin/pip" install --quiet --disable-pip-version-check numpy POT==0.9.7.post1 \
    ott-jax==0.6.0 "jax<0.9" "lineax<0.1.1"

export JAX_PLATFORMS=cpu JAX_ENABLE_X64=1
exec "$peers/barycenters/bin/python" "$here/barycenters.py" "$@"
