"""Handlers of a refund by bank transfer: its payee comes by a link, names the account and sees how it stands."""

from __future__ import annotations

from aiohttp import web

from base.errors import Unauthenticated
from base.web import form, path_id, set_token_cookie
from booking.charges.endpoints import CHARGES
from booking.refunds.endpoints import REFUNDS
from frontend.citizen.letter_code import CodePage, letter_code_page
from frontend.citizen.refund_wording import HERE, refund_page
from frontend.citizen.rendering import SHARED, key_of, new_key, page, see, words_of
from frontend.citizen.words import Words
from payment.transfers.endpoints import TRANSFERS
from payment.transfers.model import Order
from payment.transfers.refusals import AccountWrong, TransferMovedOn

FIELDS = ("holder", "iban")


async def arrive(request: web.Request) -> web.Response:
    """The token leaves the address at once and goes on as a cookie; nothing else changes."""
    words, token = words_of(request), request.match_info["token"]
    ident = await request.app[TRANSFERS].find_by_token(token)
    if ident is None:
        raise Unauthenticated
    response = see(f"/{words.language}{HERE}/{ident}")
    set_token_cookie(request, response, "transfer", ident, token)
    return response


async def show_code(request: web.Request) -> web.Response:
    return page(request, "letter_code", code_page(words_of(request), "", ""), cache=SHARED)


async def send_code(request: web.Request) -> web.Response:
    """Of a letter, or of the receipt of a further fee. What opens nothing is told in one way: nobody learns which codes there are."""
    words, fields = words_of(request), await form(request)
    key_of(fields)
    typed = fields.get("code", "").strip()[:100]
    found = await request.app[REFUNDS].open(typed)
    fee = await request.app[CHARGES].open_code(typed) if found is None else None
    if fee is not None:
        response = see(f"/{words.language}/charges/{fee[0]}")
        set_token_cookie(request, response, "charge", *fee)
        return response
    if found is None:
        problem = words._(
            "This code is not known. Please compare it with your letter or your receipt, sign by sign, or call us."
        )
        return page(request, "letter_code", code_page(words, typed, problem), status=422)
    ident, token = found
    response = see(f"/{words.language}{HERE}/{ident}")
    set_token_cookie(request, response, "transfer", ident, token)
    return response


def code_page(words: Words, typed: str, problem: str) -> CodePage:
    lead = words._(
        "We have asked you by letter to name a bank account, or you have a receipt of a fee of your visit. The code stands there."
    )
    return letter_code_page(
        words, "/refund", words._("Your refund"), lead, typed, problem, words._("Code of your letter or receipt")
    )


def refund_url(request: web.Request, order: Order) -> str:
    """For whoever has shown that the case is theirs."""
    return f"/{words_of(request).language}{request.app[TRANSFERS].link(order)}"


async def show(request: web.Request) -> web.Response:
    order = await request.app[TRANSFERS].get(path_id(request, "transfer"))
    return page(request, "refund", refund_page(words_of(request), order, new_key()))


async def give(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_id(request, "transfer"), await form(request)
    key_of(fields)
    typed = {name: fields.get(name, "")[:200] for name in FIELDS}
    transfers = request.app[TRANSFERS]
    try:
        await transfers.give_account(ident, holder=typed["holder"], iban=typed["iban"])
    except AccountWrong as refusal:
        wrong = {one.pointer.lstrip("/"): words._(one.message) for one in refusal.errors}
        view = refund_page(words, await transfers.get(ident), new_key(), typed=typed, wrong=wrong)
        return page(request, "refund", view, status=refusal.status)
    except TransferMovedOn as refusal:
        view = refund_page(words, await transfers.get(ident), new_key(), problem=words._(refusal.message))
        return page(request, "refund", view, status=refusal.status)
    return see(f"/{words.language}{HERE}/{ident}")
