"""Calls to vendors: one session with the data centre's proxy and certificate authorities."""

from __future__ import annotations

import ssl

import aiohttp

from base.config import Settings


def outbound_session(settings: Settings) -> aiohttp.ClientSession:
    """The caller closes it. Every call has a time limit; a vendor's silence never keeps a worker."""
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=50),
        timeout=aiohttp.ClientTimeout(total=10, sock_connect=3),
        proxy=settings.outbound_proxy or None,
    )
