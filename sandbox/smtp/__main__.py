"""`python -m sandbox.smtp --port INBOX --smtp-port SMTP --data DIR`: the mail server and its inbox page as a process."""

import argparse
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from sandbox.smtp.inbox import build
from sandbox.smtp.server import mail_sandbox


async def _app(arguments: argparse.Namespace) -> web.Application:
    running = mail_sandbox(arguments.data, host=arguments.host, port=arguments.smtp_port)
    sandbox = await running.__aenter__()
    app = build(sandbox.mailbox, sandbox.faults, texts_url=arguments.texts)

    async def smtp(app: web.Application) -> AsyncIterator[None]:
        yield
        await running.__aexit__(None, None, None)

    app.cleanup_ctx.append(smtp)
    return app


def main() -> int:
    parser = argparse.ArgumentParser("python -m sandbox.smtp", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of the inbox page")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--texts", metavar="URL", help="of the text message sandbox, whose texts the inbox shows as well"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the mails")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)  # aiosmtpd would log addresses
    try:
        web.run_app(
            _app(arguments),
            host=arguments.host,
            port=arguments.port,
            access_log=None,
            shutdown_timeout=1.0,
            print=lambda *_: _say(arguments),
        )
    except OSError as error:
        ports = f"{arguments.port} (inbox) or {arguments.smtp_port} (SMTP)"
        sys.stderr.write(f"sandbox.smtp: cannot listen on {arguments.host}, port {ports}: {error.strerror}.\n")
        return 2
    return 0


def _say(arguments: argparse.Namespace) -> None:
    sys.stdout.write(
        f"Inbox on http://{arguments.host}:{arguments.port}, SMTP on {arguments.host}:{arguments.smtp_port}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
