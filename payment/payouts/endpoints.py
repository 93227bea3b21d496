"""The key under which pages find payouts."""

from __future__ import annotations

from aiohttp import web

from payment.payouts.usecases import Payouts

PAYOUTS: web.AppKey[Payouts] = web.AppKey("PAYOUTS", Payouts)
