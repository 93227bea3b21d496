"""`python -m sandbox.stripe --port N --data DIR --web URL`: the sandbox as a process. Refuses to run beside a live key."""

import argparse
import logging
import os
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from sandbox.stripe.machine import Machine
from sandbox.stripe.payouts import SCHEDULES
from sandbox.stripe.store import DataInUse, Store
from sandbox.stripe.wire import WEBHOOK_PATH, WEBHOOK_SECRET, build

LIVE_PREFIXES = ("sk_live_", "rk_live_")


def live_key_in(environ: Mapping[str, str]) -> str | None:
    """The name of the setting that holds a live key, directly or in a file it names. The key itself is never shown."""
    for name in ("STRIPE_API_KEY", "STRIPE_API_KEY_FILE"):
        value = environ.get(name, "")
        if name.endswith("_FILE") and value:
            path = Path(value)
            value = path.read_text(errors="replace") if path.is_file() else ""
        if value.strip().startswith(LIVE_PREFIXES):
            return name
    return None


def main() -> int:
    arguments = _arguments()
    live = live_key_in(os.environ)
    if live is not None:
        return _refuse(f"{live} holds a live key; the sandbox never runs beside one")
    try:
        store = Store(arguments.data)
    except DataInUse as error:
        return _refuse(str(error))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s stripe-sandbox %(message)s")
    # A random seed by default: whoever deletes the data keeps the city's database, where old ids still stand.
    machine = Machine(
        lambda: datetime.now(UTC),
        seed=arguments.seed or secrets.token_hex(8),
        early_intents=not arguments.late_intents,
        payout_schedule=arguments.payouts,
        state=store.load(),
    )
    app = build(
        machine,
        webhook_url=arguments.web.rstrip("/") + WEBHOOK_PATH,
        webhook_secret=arguments.webhook_secret,
        store=store,
        origin=arguments.origin,
    )
    try:
        web.run_app(
            app,
            host=arguments.host,
            port=arguments.port,
            access_log=None,
            shutdown_timeout=1.0,  # a planned delay must not hold up the end
            print=lambda *_: _say(f"Stripe sandbox on http://{arguments.host}:{arguments.port}"),
        )
    except OSError as error:
        return _refuse(f"cannot listen on {arguments.host}:{arguments.port}: {error.strerror}")
    finally:
        store.close()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _refuse(why: str) -> int:
    sys.stderr.write(f"sandbox.stripe: {why}.\n")
    return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m sandbox.stripe", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the sandbox's own state")
    parser.add_argument(
        "--web", required=True, metavar="URL", help="the city's address; webhooks go to its " + WEBHOOK_PATH
    )
    parser.add_argument(
        "--origin", metavar="URL", help="where browsers reach the sandbox; default: the host a call names"
    )
    parser.add_argument("--webhook-secret", default=WEBHOOK_SECRET)
    parser.add_argument("--seed", help="of the ids; random by default")
    parser.add_argument("--payouts", choices=SCHEDULES, default="manual", help="daily: pay out each business day")
    parser.add_argument(
        "--late-intents",
        action="store_true",
        help="make payment intents at the first attempt to pay, as Stripe does today",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
