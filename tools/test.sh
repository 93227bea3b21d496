#!/bin/sh
# test.sh: every test. First, two at a time, all that do not mind company; then, one after the other, those that want the machine for
# themselves (marker `alone`, tests/conftest.py). Both are run and count, unless somebody interrupts.
set -u
cd "$(dirname "$0")/.."
INTERRUPTED=2 # pytest's exit code

"$PYTHON" -m pytest --numprocesses 2 --dist worksteal -m "not alone"
together=$?
[ "$together" -eq "$INTERRUPTED" ] && exit "$together"
"$PYTHON" -m pytest -m alone
alone=$?
[ "$together" -ne 0 ] && exit "$together"
exit "$alone"
