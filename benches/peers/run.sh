#!/bin/sh
# haul beside KeOps, GeomLoss, OTT-JAX and POT: one table, measured in one run.
#
#   benches/peers/run.sh                          synthetic clouds
#   benches/peers/run.sh --a a.ply --b b.ply --points-b 20000 --adapter llvmpipe
#   benches/peers/run.sh --help
#
# Python packages go to target/peers and nowhere else. KeOps compiles with g++. On Linux the torch
# of pip's default index brings some GB of CUDA along, which is not used; where an index with its
# CPU build is known to pip (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL), `TORCH=torch==x.y.z+cpu` takes it.
# OTT-JAX 0.6.0 does not run on newer versions of JAX.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
peers=${PEERS_DIR:-$target/peers}

if [ ! -x "$peers/venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$peers/venv"
fi
"$peers/venv/bin/pip" install --quiet --disable-pip-version-check "${TORCH:-torch}" \
    pykeops==2.3 geomloss==0.3.1 ott-jax==0.6.0 "jax<0.9" "lineax<0.1.1" POT==0.9.7.post1
cargo build --quiet --release --manifest-path "$here/../../Cargo.toml" -p haul-cli

export KEOPS_CACHE_FOLDER="$peers/keops" PYKEOPS_VERBOSE=0 JAX_PLATFORMS=cpu
mkdir -p "$KEOPS_CACHE_FOLDER"
exec "$peers/venv/bin/python" "$here/compare.py" --haul "$target/release/haul" "$@"
