"""`python -m sandbox.xbezahldienste --port N --data DIR`: the sandbox as a process."""

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from sandbox.xbezahldienste.faults import Faults
from sandbox.xbezahldienste.machine import Machine, Transaction
from sandbox.xbezahldienste.server import Server


def main() -> int:
    parser = argparse.ArgumentParser("python -m sandbox.xbezahldienste", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the transactions")
    parser.add_argument("--version", default="1.2", choices=["1.0", "1.2"])
    arguments = parser.parse_args()
    file = arguments.data / "transactions.json"
    arguments.data.mkdir(parents=True, exist_ok=True)
    machine = Machine(lambda: datetime.now(UTC), version=arguments.version)
    if file.exists():
        for row in json.loads(file.read_text(), parse_float=Decimal):
            machine.transactions[row["id"]] = Transaction(**row)

    def save() -> None:
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps([asdict(one) for one in machine.transactions.values()], default=float))
        unfinished.rename(file)

    def say(*_: object) -> None:
        sys.stdout.write(f"XBezahldienste sandbox on http://{arguments.host}:{arguments.port}\n")
        sys.stdout.flush()

    app = Server(machine, Faults(), save).app()
    try:
        web.run_app(app, host=arguments.host, port=arguments.port, access_log=None, shutdown_timeout=1.0, print=say)
    except OSError as error:
        sys.stderr.write(f"sandbox.xbezahldienste: cannot listen on port {arguments.port}: {error.strerror}.\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
