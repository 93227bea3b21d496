"""Secrets: fields sealed with AES-256-GCM, look-ups by HMAC, tokens. The key never lies in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_VERSION = b"\x01"
_NOBODY = bytes(32)


class Unsealable(Exception):
    """The sealed bytes are not ours, were changed, or belong to another context."""


class Sealer:
    """Works with keys derived from one secret of at least 32 characters."""

    def __init__(self, secret: str) -> None:
        if len(secret) < 32:
            raise ValueError("SECRET_KEY needs at least 32 characters")
        self._aead = AESGCM(_derive(secret, "seal"))
        self._look_up_key = _derive(secret, "look-up")
        self._token_key = _derive(secret, "token")
        self._draw_key = _derive(secret, "draw")

    def seal(self, text: str, context: str) -> bytes:
        """Seal a text to its place, e.g. "person.email:<id>": moved to another row it does not open."""
        return self.seal_bytes(text.encode(), context)

    def open(self, sealed: bytes, context: str) -> str:
        return self.open_bytes(sealed, context).decode()

    def seal_bytes(self, raw: bytes, context: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, raw, context.encode())

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        if sealed[:1] != _VERSION:
            raise Unsealable(context)
        nonce, raw = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._aead.decrypt(nonce, raw, context.encode())
        except InvalidTag:
            raise Unsealable(context) from None

    def look_up(self, text: str, context: str) -> bytes:
        """The same text gives the same 32 bytes: to find a row by a sealed field."""
        return hmac.digest(self._look_up_key, f"{context}\0{text.strip().casefold()}".encode(), "sha256")

    def mac(self, text: str) -> str:
        """A bearer token that is not stored: whoever has it was given it for this text."""
        return _text(hmac.digest(self._token_key, text.encode(), "sha256"))

    def draw(self, text: str) -> float:
        """From 0 up to 1: the same for the same text in every process, and nobody outside can tell."""
        return int.from_bytes(hmac.digest(self._draw_key, text.encode(), "sha256")[:6]) / 2**48


def _derive(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), f"schalter/{purpose}".encode(), "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def new_token() -> str:
    """256 random bits, URL-safe."""
    return _text(secrets.token_bytes(32))


def token_sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(_bytes(left), _bytes(right))


def is_token(token: str, expected: bytes | None) -> bool:
    """Whether `expected` is its SHA-256, in constant time. None: of nobody, as bytes are that are no text."""
    return token.isascii() and same(token_sha256(token), expected or _NOBODY) and expected is not None


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
