#!/bin/sh
# Barycenters on free supports beside POT and OTT-JAX, and k-means beside scikit-learn, measured in one run.
#
#   benches/peers/points.sh                               2000 points in 2 and 3 dimensions; 100 000 points to 1000
#   benches/peers/points.sh --points 300 --cloud 20000    smaller
#   benches/peers/points.sh --help
#
# Python packages go to target/peers and nowhere else. OTT-JAX 0.6.0 does not run on newer versions of JAX.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
peers=${PEERS_DIR:-$target/peers}

if [ ! -x "$peers/points/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$peers/points"
fi
"$peers/points/bin/pip" install --quiet --disable-pip-version-check numpy scipy scikit-learn POT==0.9.7.post1 \
    ott-jax==0.6.0 "jax<0.9" "lineax<0.1.1"

export JAX_PLATFORMS=cpu JAX_ENABLE_X64=1
exec "$peers/points/bin/python" "$here/points.py" "$@"
