"""Calls to vendors: one session with the data centre's proxy and certificate authorities."""

from __future__ import annotations

import ssl
from functools import cache

import aiohttp

from base.config import Settings


def outbound_session(settings: Settings) -> aiohttp.ClientSession:
    """The caller closes it. Every call has a time limit; a vendor's silence never keeps a worker."""
    context = _trusting(settings.ca_file)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=50),
        timeout=aiohttp.ClientTimeout(total=10, sock_connect=3),
        proxy=settings.outbound_proxy or None,
    )


@cache
def _trusting(ca_file: str) -> ssl.SSLContext:
    """Once a process: reading the authorities takes longer than a call."""
    return ssl.create_default_context(cafile=ca_file or None)
