"""The key under which pages find the figures."""

from __future__ import annotations

from aiohttp import web

from payment.figures.usecases import FigureBook

FIGURES: web.AppKey[FigureBook] = web.AppKey("FIGURES", FigureBook)
