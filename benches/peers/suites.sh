#!/bin/sh
# The tests of POT, GeomLoss and FlashSinkhorn with haul in their place: what passes, what fails, and the message of each failure.
#
#   benches/peers/suites.sh FOLDER-OF-POT FOLDER-OF-GEOMLOSS FOLDER-OF-FLASHSINKHORN
#
# They are checkouts of their repositories, of which nothing is kept. haul's wheel must be in target/wheels, as
# crates/haul-python/release.sh makes it, unless PYTHON names an interpreter that has haul and the packages below. Python
# packages go to target/peers and nowhere else.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
peers=${PEERS_DIR:-$target/peers}

if [ -z "${PYTHON:-}" ]; then
    PYTHON=$peers/suites/bin/python
    [ -x "$PYTHON" ] || python3 -m venv "$peers/suites"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check "$target"/wheels/*manylinux*.whl pytest pytest-check \
        hypothesis torch scikit-learn POT==0.9.7.post1 geomloss==0.3.1
fi
exec "$PYTHON" "$here/suites.py" "$@"
