"""`python -m sandbox.twilio --port N --data DIR`: the sandbox as a process. Refuses to run beside a real account."""

import argparse
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from sandbox.twilio.server import ACCOUNT_SID, AUTH_TOKEN, assemble


def real_account_in(environ: Mapping[str, str]) -> str | None:
    """The name of a setting with credentials that are not the sandbox's. Twilio's do not say whether they are live."""
    for name, ours in (("TWILIO_ACCOUNT_SID", ACCOUNT_SID), ("TWILIO_AUTH_TOKEN", AUTH_TOKEN)):
        if environ.get(name, ours) not in ("", ours):
            return name
    path = Path(environ.get("TWILIO_AUTH_TOKEN_FILE", ""))
    if path.is_file() and path.read_text(errors="replace").strip() not in ("", AUTH_TOKEN):
        return "TWILIO_AUTH_TOKEN_FILE"
    return None


def main() -> int:
    parser = argparse.ArgumentParser("python -m sandbox.twilio", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the messages")
    arguments = parser.parse_args()
    real = real_account_in(os.environ)
    if real is not None:
        return _refuse(f"{real} is not the sandbox's; it never runs beside a real account")
    logging.basicConfig(level=logging.WARNING)
    app, _ = assemble(arguments.data)
    try:
        web.run_app(
            app,
            host=arguments.host,
            port=arguments.port,
            access_log=None,
            shutdown_timeout=1.0,
            print=lambda *_: _say(f"Text message sandbox on http://{arguments.host}:{arguments.port}"),
        )
    except OSError as error:
        return _refuse(f"cannot listen on {arguments.host}:{arguments.port}: {error.strerror}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _refuse(why: str) -> int:
    sys.stderr.write(f"sandbox.twilio: {why}.\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
