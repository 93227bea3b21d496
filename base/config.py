"""Settings: read once from the environment, frozen. The only reader of os.environ.

A secret NAME can be given as NAME_FILE, the path of a file that holds it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class SettingError(Exception):
    """A setting is missing or wrong; the sentence names it."""


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    default: str | None  # None: must be given
    meaning: str
    parse: Callable[[str], Any] = str
    secret: bool = False


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if number < least:
            raise ValueError(f"must be at least {least}")
        return number

    return parse


_positive = _at_least(1)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 600:
        raise ValueError("must be 0 to 600 seconds")
    return number


def _secret_key(text: str) -> str:
    if len(text) < 32:
        raise ValueError("needs at least 32 characters")
    return text


def _log_level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return text.upper()


def _smtp_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        raise ValueError("must be like smtp://host:port or smtps://user:password@host")
    return text


def _text_sender(text: str) -> str:
    name = 1 <= len(text) <= 11 and text.isascii() and text.replace(" ", "").isalnum() and not text.isdigit()
    if text and not (name or re.fullmatch(r"\+[1-9][0-9]{6,14}|MG[0-9a-f]{32}", text)):
        raise ValueError("must be like +4971112345, Stuttgart or MG and 32 hexadecimal digits")
    return text


def _file(text: str) -> str:
    if text and not Path(text).is_file():
        raise ValueError(f"there is no file {text}")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _relays(text: str) -> tuple[str, ...]:
    urls = _names(text)
    if wrong := [url for url in urls if not url.startswith(("turn:", "turns:"))]:
        raise ValueError(f"must be like turn:relay.example:3478, and {wrong[0]} is not")
    return urls


def _media_secret(text: str) -> str:
    return _secret_key(text) if text else ""


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(str(ip_address(name)) for name in _names(text))
    if not found:
        raise ValueError("needs an IP address")
    return found


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be like https://termin.example")
    return f"{parts.scheme}://{parts.netloc}"


_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _payment_providers(text: str) -> tuple[str, ...]:
    names = _names(text)
    if unknown := set(names) - {"none", "stripe", "xbezahldienste"}:
        raise ValueError(f"knows stripe, xbezahldienste and none, not {sorted(unknown)[0]}")
    if "none" in names[1:]:
        raise ValueError("names none first: it gets what is new, and the others keep what they have")
    return names


def _address(text: str) -> str:
    parts = urlsplit(text)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if text and (not is_safe or not parts.netloc or parts.query):
        raise ValueError("must be like https://bezahlen.example/api")
    return text.rstrip("/")


def _xbezahl_version(text: str) -> str:
    if text not in ("1.0", "1.2"):
        raise ValueError("must be 1.0 or 1.2")
    return text


def _xbezahl_id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,36}", text):
        raise ValueError("has at most 36 letters, digits, hyphens and underscores")
    return text


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    pairs = tuple(tuple(part.strip() for part in one.split("=", 1)) for one in _names(text))
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise ValueError("must be like mandant=4711")
    return tuple((pair[0], pair[1]) for pair in pairs)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        None,
        "PostgreSQL, `postgresql://user:password@host/name`; wins over the embedded one",
        secret=True,
    ),
    Setting("DATABASE_POOL", "10", "Connections per process; one of them reads the change feed", _at_least(2)),
    Setting(
        "SECRET_KEY",
        None,
        "At least 32 characters; seals contact data and signs tokens. Lost, contact data are lost",
        _secret_key,
        secret=True,
    ),
    Setting("PUBLIC_URL", "http://localhost:8080", "Origin under which citizens reach the service", _origin),
    Setting("HOST", "127.0.0.1", "Address the web process listens on"),
    Setting(
        "PORT",
        "8080",
        "Port the web process listens on; `make run` puts the sandboxes on the ports after it",
        _positive,
    ),
    Setting("DATA_DIR", ".data", "Where `make run` keeps PostgreSQL's files, keys and the sandboxes' state", Path),
    Setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR", _log_level),
    Setting("HOLD_MINUTES", "15", "How long a chosen time stays reserved", _positive),
    Setting("MOVES_MOST", "5", "How often one appointment may be moved to another time", _at_least(0)),
    Setting("HORIZON_DAYS", "90", "How many days ahead opening hours are released", _positive),
    Setting(
        "RETENTION_DAYS",
        "30",
        "How many days after an appointment is over its person's data are erased; also after the deadline of an invitation",
        _positive,
    ),
    Setting("LEAD_MINUTES", "30", "How soon a time may begin and still be offered", _at_least(0)),
    Setting("GAP_MINUTES", "15", "How long a visit of several services may wait between two counters", _at_least(0)),
    Setting(
        "STRIPE_API_KEY",
        "",
        "Secret key of the payment provider; empty: services with a fee cannot be booked online",
        secret=True,
    ),
    Setting(
        "STRIPE_API_BASE",
        "https://api.stripe.com",
        "Base address of the payment provider (a sandbox in tests)",
        _origin,
    ),
    Setting(
        "STRIPE_PAY_ORIGINS",
        "https://checkout.stripe.com",
        "Origins that our pages may send the payer to, by commas",
        _names,
    ),
    Setting(
        "STRIPE_WEBHOOK_SECRETS",
        "",
        "Signing secrets of the webhook, by commas; several while one is replaced",
        _names,
        secret=True,
    ),
    Setting(
        "PAYMENT_PROVIDERS",
        "",
        "Who takes money, by commas: `stripe`, `xbezahldienste`; the first gets new payments, the others keep theirs; "
        "`none` first: nothing is paid online, bookings are confirmed and their fee is paid at a till; "
        "empty: whoever is set up, Stripe first",
        _payment_providers,
    ),
    Setting(
        "XBEZAHL_API_BASE",
        "",
        "Base address of a payment service that speaks XBezahldienste, with its path; empty: there is none",
        _address,
    ),
    Setting("XBEZAHL_VERSION", "1.2", "The standard's version there, `1.0` or `1.2`", _xbezahl_version),
    Setting("XBEZAHL_ORIGINATOR", "", "What the payment service calls us (`originatorId`)", _xbezahl_id),
    Setting("XBEZAHL_ENDPOINT", "", "What it calls the office that gets the money (`endPointId`)", _xbezahl_id),
    Setting("XBEZAHL_USER", "", "User there, or with XBEZAHL_TOKEN_URL the OAuth client"),
    Setting("XBEZAHL_PASSWORD", "", "Password of that user, or the client's secret", secret=True),
    Setting("XBEZAHL_TOKEN_URL", "", "Where OAuth client credentials get a token; empty: Basic", _address),
    Setting("XBEZAHL_BOOKING_DATA", "", "What it wants to book with: `name=value`, by commas", _pairs),
    Setting("XBEZAHL_PAY_ORIGINS", "", "Origins of its payment pages, by commas", _names),
    Setting(
        "SMTP_URL",
        "",
        "`smtp://host:port`, `smtps://user:password@host`; `smtp://…?starttls=1`",
        _smtp_url,
        secret=True,
    ),
    Setting("MAIL_FROM", "termine@stuttgart.example", "Sender and organiser of invitations"),
    Setting("TWILIO_ACCOUNT_SID", "", "Account at the provider of text messages; empty: none are sent"),
    Setting(
        "TWILIO_AUTH_TOKEN",
        "",
        "The account's token; also what the provider's status reports are signed with",
        secret=True,
    ),
    Setting(
        "TWILIO_FROM",
        "",
        "Sender of text messages: a number (`+49…`), a name of at most 11 letters and digits, or a messaging service (`MG…`)",
        _text_sender,
    ),
    Setting(
        "TWILIO_API_BASE",
        "https://api.twilio.com",
        "Base address of the provider of text messages; another region's (`https://api.dublin.ie1.twilio.com`), or a sandbox",
        _origin,
    ),
    Setting(
        "BANK_FOLDER",
        "",
        "Folder in which the worker looks for bank statements (camt.053, `*.xml`, under this name only when whole); each is moved "
        "into `read` or `refused` there; empty: they are sent by hand",
    ),
    Setting(
        "TREASURY_FORMATS",
        "",
        "File (JSON) that says how the treasury wants the files of a closed day, and its DATEV accounts (ADR 56); empty: CSV with "
        "semicolons in cp1252 and a workbook",
        _file,
    ),
    Setting(
        "TREASURY_DUE_DAYS",
        "3",
        "After how many days a closed day that the treasury has not acknowledged is overdue",
        _positive,
    ),
    Setting(
        "REFUND_APPROVAL_CENTS",
        "25000",
        "A refund by rule of more cents than that waits until a person approves it, who has not brought it about (ADR 77); what the city "
        "cancels itself goes back at once; 0: none waits",
        _at_least(0),
    ),
    Setting("TRANSFER_NAME", "", "Holder of the account from which refunds are transferred: the city's name"),
    Setting("TRANSFER_IBAN", "", "IBAN of that account; empty: transfer orders can be collected, but none approved"),
    Setting("TRANSFER_BIC", "", "BIC of its bank; empty where the bank does not want it"),
    Setting(
        "TILL_WHEN_DOWN_HOURS",
        "72",
        "While the payment provider does not answer, fees of all services may be paid at a till for so many hours (ADR 71); 0: only "
        "where the catalogue says so",
        _at_least(0),
    ),
    Setting("OUTBOUND_PROXY", "", "HTTP proxy for calls to vendors"),
    Setting("CA_FILE", "", "Own certificate authorities (PEM) for calls to vendors and SMTP", _file),
    Setting("TURN_URLS", "", "Relays of video calls, by commas: `turns:relay.example:443?transport=tcp`", _relays),
    Setting(
        "TURN_SECRET", "", "The relays' `static-auth-secret`; their credentials end after ten minutes", secret=True
    ),
    Setting(
        "PROXY_HOPS",
        "0",
        "How many proxies of ours stand before the service: that many entries of X-Forwarded-For are believed",
        _at_least(0),
    ),
    Setting("DEMO", "", "Set by `make run`: lets invented accounts sign in; never set it elsewhere"),
    Setting(
        "MEDIA_CONTROL",
        "",
        "Where the media workers listen to the web process: unix paths or `host:port`, by commas, the same for all web processes; "
        "empty: no video",
        _names,
    ),
    Setting(
        "MEDIA_SECRET",
        "",
        "Shared by web and media processes; at least 32 characters, needed with `host:port`",
        _media_secret,
        secret=True,
    ),
    Setting(
        "MEDIA_ADDRESS", "127.0.0.1", "IP addresses under which browsers reach the media workers, by commas", _addresses
    ),
    Setting("MEDIA_BIND", "", "IP address a media worker listens on; empty: the first of MEDIA_ADDRESS"),
    Setting(
        "MEDIA_PORT", "40000", "UDP port of the first media worker; the next ones have the ports after it", _positive
    ),
    Setting(
        "HOLDS_AT_ONCE",
        "5000",
        "How many reservations a web process works on at once; who comes then sees a waiting room, and programs get a 429",
        _positive,
    ),
    Setting(
        "HOLDS_LISTEN",
        "",
        "Where web processes reach each other, so that each office's times are given out by one of them: a folder for unix sockets "
        "(one machine) or `host:port` (port 0: any); empty: each by itself, correct but slower when an office is in demand",
    ),
    Setting("DRAIN_SECONDS", "2", "How long /readyz says no before the process stops listening", _seconds),
    Setting("FAILPOINT", "", "Tests only: end the process at a marked step, `name:n`"),
)


def _wrong_of_payment(values: Mapping[str, Any]) -> list[str]:
    wrong: list[str] = []
    key, base = values.get("stripe_api_key", ""), values.get("stripe_api_base")
    if key.startswith(("sk_live_", "rk_live_")) and base != "https://api.stripe.com":
        wrong.append(f"STRIPE_API_BASE: a live key is not sent to {base}")
    if values.get("xbezahl_api_base"):
        wrong += [
            f"XBEZAHL_{name} is not set: a payment service needs to know who we are"
            for name in ("ORIGINATOR", "ENDPOINT", "USER", "PASSWORD")
            if not values.get(f"xbezahl_{name.lower()}")
        ]
    for provider, needed in (("stripe", "STRIPE_API_KEY"), ("xbezahldienste", "XBEZAHL_API_BASE")):
        if provider in values.get("payment_providers", ()) and not values.get(needed.lower()):
            wrong.append(f"PAYMENT_PROVIDERS: {provider} needs {needed}")
    return wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    database_pool: int = 10
    public_url: str = "http://localhost:8080"
    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = Path(".data")
    log_level: str = "INFO"
    hold_minutes: int = 15
    moves_most: int = 5
    horizon_days: int = 90
    retention_days: int = 30
    lead_minutes: int = 30
    gap_minutes: int = 15
    stripe_api_key: str = field(default="", repr=False)
    stripe_api_base: str = "https://api.stripe.com"
    stripe_pay_origins: tuple[str, ...] = ("https://checkout.stripe.com",)
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    payment_providers: tuple[str, ...] = ()
    xbezahl_api_base: str = ""
    xbezahl_version: str = "1.2"
    xbezahl_originator: str = ""
    xbezahl_endpoint: str = ""
    xbezahl_user: str = ""
    xbezahl_password: str = field(default="", repr=False)
    xbezahl_token_url: str = ""
    xbezahl_booking_data: tuple[tuple[str, str], ...] = ()
    xbezahl_pay_origins: tuple[str, ...] = ()
    smtp_url: str = field(default="", repr=False)
    mail_from: str = "termine@stuttgart.example"
    twilio_account_sid: str = ""
    twilio_auth_token: str = field(default="", repr=False)
    twilio_from: str = ""
    twilio_api_base: str = "https://api.twilio.com"
    bank_folder: str = ""
    treasury_formats: str = ""
    treasury_due_days: int = 3
    refund_approval_cents: int = 25_000
    transfer_name: str = ""
    transfer_iban: str = ""
    transfer_bic: str = ""
    till_when_down_hours: int = 72
    outbound_proxy: str = ""
    ca_file: str = ""
    proxy_hops: int = 0
    demo: str = ""
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)
    media_control: tuple[str, ...] = ()
    media_secret: str = field(default="", repr=False)
    media_address: tuple[str, ...] = ("127.0.0.1",)
    media_bind: str = ""
    media_port: int = 40000
    holds_at_once: int = 5000
    holds_listen: str = ""
    drain_seconds: float = 2.0
    failpoint: str = ""

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, unneeded: Container[str] = ()) -> Settings:
        """Raises SettingError with one sentence for each setting that is missing or wrong. `unneeded` may be missing, and is empty then."""
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        wrong: list[str] = []
        for setting in SETTINGS:
            try:
                text = _given(setting, environ)
                if text is None and setting.name in unneeded:
                    values[setting.name.lower()] = ""
                elif text is None:
                    wrong.append(f"{setting.name} is not set: {setting.meaning}")
                else:
                    values[setting.name.lower()] = setting.parse(text)
            except (ValueError, OSError) as error:
                wrong.append(f"{setting.name}: {error}")
        wrong += _wrong_of_payment(values)
        host = urlsplit(values.get("twilio_api_base", "")).hostname or ""
        twilio = host.endswith(".twilio.com") and values["twilio_api_base"].startswith("https://")
        if values.get("twilio_auth_token") and host and not twilio and host not in _LOOPBACK:
            wrong.append(f"TWILIO_API_BASE: the token is sent to twilio.com or this machine only, not to {host}")
        texting = [
            name for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM") if not values.get(name.lower())
        ]
        if len(texting) in (1, 2):
            wrong.append(
                f"{texting[0]} is not set: text messages need all three of the account, its token and a sender"
            )
        if values.get("turn_urls") and not values.get("turn_secret"):
            wrong.append("TURN_SECRET is not set: the relays of TURN_URLS ask for it")
        if not values.get("media_secret") and any("/" not in name for name in values.get("media_control", ())):
            wrong.append("MEDIA_SECRET: is needed where MEDIA_CONTROL is host:port")
        if wrong:
            raise SettingError("\n".join(wrong))
        return cls(**values)


def _given(setting: Setting, environ: Mapping[str, str]) -> str | None:
    if setting.secret and (path := environ.get(f"{setting.name}_FILE")):
        return Path(path).read_text(encoding="utf-8").strip()
    return environ.get(setting.name, setting.default)


def settings_table() -> str:
    """The table of docs/settings.md; a test compares."""
    lines = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for setting in SETTINGS:
        default = "must be set" if setting.default is None else f"`{setting.default}`" if setting.default else "empty"
        also = f" Also as `{setting.name}_FILE`." if setting.secret else ""
        lines.append(f"| `{setting.name}` | {default} | {setting.meaning}.{also} |")
    return "\n".join(lines) + "\n"
