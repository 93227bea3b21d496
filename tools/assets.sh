#!/bin/sh
# Builds frontend/static from its sources. Takes no time when nothing changed.
set -eu
cd "$(dirname "$0")/.."

hash_of() { find "$@" -type f ! -name '*.py' ! -name '*.pyc' | LC_ALL=C sort | xargs sha256sum | sha256sum; }
is_made_from() { [ -e "$1" ] && [ "$(cat "$1")" = "$2" ]; }

packages="$(hash_of package.json package-lock.json)"
if ! is_made_from node_modules/.made-from "$packages"; then
    echo "Installing the packages of package-lock.json into node_modules ..." >&2
    tools/with-node.sh npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
    echo "$packages" >node_modules/.made-from
fi
sources="$(hash_of package.json package-lock.json $(find frontend -mindepth 1 -maxdepth 1 ! -name static))"
if ! is_made_from frontend/static/.made-from "$sources" || [ ! -e frontend/static/manifest.json ]; then
    echo "Building frontend/static ..." >&2
    tools/with-node.sh npm run --silent build
    echo "$sources" >frontend/static/.made-from
fi
