#!/usr/bin/env bash
# The wheel for Linux with glibc 2.17 or later, and the source archive, from which a second wheel is built. It takes minutes,
# because zig's linker and the archive each compile everything again.
#
#     crates/haul-python/release.sh [FOLDER]     # by default target/wheels
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-target/wheels}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet 'maturin[zig]>=1.16,<2'
export PATH="$work/venv/bin:$PATH" CARGO_TARGET_DIR="$work/target"
maturin build --release --compression-level 9 --zig --compatibility manylinux2014 --manifest-path crates/haul-python/Cargo.toml --out "$out"
maturin sdist --manifest-path crates/haul-python/Cargo.toml --out "$out"
pip wheel --quiet --no-deps --wheel-dir "$work/from-source" "$out"/haul_ot-*.tar.gz
for wheel in "$out"/haul_ot-*manylinux2014*.whl "$work"/from-source/*.whl; do
    python3 -m venv --clear "$work/clean"
    "$work/clean/bin/pip" install --quiet "$wheel" pytest
    "$work/clean/bin/python" -m pytest -q -p no:cacheprovider crates/haul-python
    ls -l "$wheel"
done
