#!/bin/sh
# venv.sh bare|demo|dev: makes .venv; ready for `make run`; ready for tests and checks too. Takes no time when it already is.
set -eu
cd "$(dirname "$0")/.."
requirements="requirements/$1.txt"

is_usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

make_venv() {
    for python in "${PYTHON:-python3}" python3 python3.11 python3.12 python3.13; do
        if is_usable "$python"; then
            if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
                echo "$("$python" --version) here lacks venv and pip: install the package python3-venv (Debian, Ubuntu)." >&2
                exit 1
            fi
            rm -rf .venv
            "$python" -m venv .venv
            return
        fi
    done
    echo "Python 3.11 or newer is needed; neither python3 nor python3.11, python3.12 or python3.13 is one." >&2
    exit 1
}

is_usable .venv/bin/python || make_venv
[ "$1" != bare ] || exit 0

hash_of() { sha256sum <"requirements/$1.txt"; }
is_installed() { [ -e ".venv/.installed-$1" ] && [ "$(cat ".venv/.installed-$1")" = "$(hash_of "$1")" ]; }

# dev.txt holds all of demo.txt, in the same versions.
if is_installed "$1" || { [ "$1" = demo ] && is_installed dev; }; then
    exit 0
fi
echo "Installing $requirements into .venv ..." >&2
rm -f .venv/.installed-*
.venv/bin/python -m pip --disable-pip-version-check --quiet install --no-input --require-hashes -r "$requirements"
hash_of "$1" >".venv/.installed-$1"
