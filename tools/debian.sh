#!/bin/sh
# What some tests need and only Debian brings: root installs what is missing; without it those tests are skipped, and counted.
set -eu
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 0
missing=""
for pair in turnserver:coturn; do # a program and its package
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
echo "Installing Debian's$missing ..." >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
apt-get -qq update >&2 && apt-get -qq install -y --no-install-recommends $missing >&2 || echo "Not installed:$missing" >&2
