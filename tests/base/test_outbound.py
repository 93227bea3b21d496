"""Calls to vendors go through the data centre's proxy and trust its own authorities."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from base.config import Settings
from base.outbound import outbound_session


async def test_the_proxy_is_asked_for_the_vendors_address() -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(request.raw_path)  # a proxy is asked with the absolute address
        return web.Response(text="from the proxy")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", proxy)
    async with TestServer(app) as server:
        settings = Settings(database_url="", secret_key="", outbound_proxy=str(server.make_url("")))
        async with outbound_session(settings) as http, http.get("http://vendor.example/v1/thing") as response:
            assert await response.text() == "from the proxy"
    assert asked == ["http://vendor.example/v1/thing"]


async def test_an_authority_that_is_not_given_is_not_trusted(tmp_path: Path) -> None:
    certificate, key = _self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    url = f"https://localhost:{site.port}/"
    try:
        async with outbound_session(Settings(database_url="", secret_key="")) as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await http.get(url)
        trusting = Settings(database_url="", secret_key="", ca_file=str(certificate))
        async with outbound_session(trusting) as http, http.get(url) as response:
            assert await response.text() == "hello"
    finally:
        await runner.cleanup()


def _self_signed(folder: Path) -> tuple[Path, Path]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret
