"""Ways of paying online, by the provider's word."""

from __future__ import annotations

from collections.abc import Mapping

from base.i18n import mark as _

ONLINE: Mapping[str, str] = {
    "card": _("By card, online"),
    "paypal": _("By PayPal"),
    "wero": _("By Wero"),
    "sepa_debit": _("By SEPA direct debit"),
    "giropay": _("By giropay"),
    "klarna": _("By Klarna"),
    "link": _("By Link"),
}
