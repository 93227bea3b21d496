"""What citizens do, each told as a function of the scene, with what must have become of it in the end.

A story goes on whatever dies: its citizen repeats the very same request, and its provider the very same message.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from base.clock import utcnow
from base.i18n import zone
from base.jobs import enqueue
from base.seal import Sealer, new_token, token_sha256
from payment import store
from payment.opening import order_of
from payment.stripe_words import session_params
from tests.faults.scene import Scene
from tests.faults.sound import EARNS, FEE, PAID_BACK, PAID_IN, Outcome
from tests.town import KIM

MORE = 700
FREE, PAID = "Wohnsitzanmeldung", "Führungszeugnis"


@dataclass(frozen=True)
class Story:
    tell: Callable[[Scene], Awaitable[object]]
    ends: Outcome

    @property
    def name(self) -> str:
        return self.tell.__name__


async def hold(scene: Scene, words: str, days: int = 1) -> dict[str, Any]:
    """The last of the next twenty, after these days: nobody's time begins while the test runs, nor its day."""
    service = (await scene.good("GET", f"/api/services?q={words}"))["services"][0]["id"]
    after = f"{utcnow() + timedelta(days=days):%FT%TZ}"
    query = f"service={service}&channel=onsite&limit=20&after={after}"
    slot = (await scene.good("GET", f"/api/slots/next?{query}"))["slots"][-1]
    wanted = {"service": service, "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    made: dict[str, Any] = await scene.good("POST", "/api/holds", key=str(uuid4()), json=wanted)
    return made


async def held(scene: Scene, words: str, days: int = 1, contact: dict[str, Any] | None = None) -> dict[str, Any]:
    """A case with a contact, not yet booked."""
    taken = await hold(scene, words, days)
    given = {"hold": taken["id"], "contact": contact or KIM}
    made: dict[str, Any] = await scene.good("POST", "/api/appointments", taken["token"], key=str(uuid4()), json=given)
    return made


def path(made: dict[str, Any], action: str = "") -> str:
    return f"/api/appointments/{made['id']}{action}"


async def check_out(scene: Scene, made: dict[str, Any]) -> str:
    done = await scene.good("POST", path(made, "/checkout"), made["token"], key=str(uuid4()))
    return str(done["pay_url"])


async def shows(scene: Scene, made: dict[str, Any], status: str) -> None:
    assert (await scene.good("GET", path(made), made["token"]))["status"] == status


async def at_provider(scene: Scene, pay_url: str) -> None:
    await scene.control(f"sessions/{pay_url.rsplit('/', 1)[1]}/pay")


async def free(scene: Scene) -> None:
    made = await held(scene, FREE)
    await scene.good("POST", path(made, "/checkout"), made["token"], key=str(uuid4()))
    await shows(scene, made, "confirmed")


async def paid(scene: Scene, days: int = 1, contact: dict[str, Any] | None = None) -> dict[str, Any]:
    made = await held(scene, PAID, days, contact)
    await at_provider(scene, await check_out(scene, made))
    await scene.webhooks()
    await shows(scene, made, "confirmed")
    return made


async def booked(scene: Scene) -> None:
    await paid(scene)


async def earned(scene: Scene) -> None:
    """The day of the service comes."""
    await paid(scene)
    await scene.rows("UPDATE payment SET service_day = current_date - 1")


async def booked_by_return(scene: Scene) -> None:
    """No webhook has come when the payer comes back to our page."""
    made = await held(scene, PAID)
    await at_provider(scene, await check_out(scene, made))
    await scene.good("GET", f"/de/appointments/{made['id']}/paid", made["token"])
    await shows(scene, made, "confirmed")


async def booked_unheard(scene: Scene) -> None:
    """Webhooks are lost and nobody comes back: the worker finds the money."""
    await scene.control("webhooks/faults", {"lose": 1.0}, "PUT")
    made = await held(scene, PAID)
    await at_provider(scene, await check_out(scene, made))
    await scene.drain()
    await shows(scene, made, "confirmed")


async def booked_after_breakdown(scene: Scene) -> None:
    """The provider breaks down and keeps its 500 under our key, so another key is needed."""
    await _breakdown(scene, "/v1/checkout/sessions")
    await paid(scene)


async def booked_beside_stray(scene: Scene) -> None:
    """A second session for the same payment has come into being, as by a call that arrived late."""
    made = await held(scene, PAID)
    pay_url = await check_out(scene, made)
    async with scene.db.connection() as conn:
        payment = await store.find_latest(conn, UUID(made["id"]))
    assert payment is not None
    scene.machine.create_session(session_params(order_of(payment)))
    await at_provider(scene, pay_url)
    await scene.webhooks()
    await scene.drain()
    await shows(scene, made, "confirmed")


async def cancelled(scene: Scene) -> None:
    made = await paid(scene)
    await scene.good("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))
    await shows(scene, made, "cancelled")


async def moved(scene: Scene) -> None:
    """Also repeated, the case ends with one living time."""
    made = await held(scene, FREE)
    await scene.good("POST", path(made, "/checkout"), made["token"], key=str(uuid4()))
    taken = await hold(scene, FREE)
    given = {"hold": taken["id"], "hold_token": taken["token"]}
    await scene.good("POST", path(made, "/move"), made["token"], key=str(uuid4()), json=given)
    await shows(scene, made, "confirmed")


async def moved_paid(scene: Scene) -> None:
    """Payment, number and link stay with the case."""
    made = await paid(scene)
    taken = await hold(scene, PAID)
    given = {"hold": taken["id"], "hold_token": taken["token"]}
    done = await scene.good("POST", path(made, "/move"), made["token"], key=str(uuid4()), json=given)
    assert (done["number"], done["starts_at"], done["payment"]) == (made["number"], taken["starts_at"], "paid")


async def dearer_hold(scene: Scene, made: dict[str, Any]) -> dict[str, Any]:
    """The fee has risen since; what is held now costs more."""
    taken = await hold(scene, PAID)
    await scene.rows(
        """
        WITH dear AS (
          INSERT INTO fee (service_id, amount_cents, legal_basis, valid)
          SELECT service_id, $2, legal_basis, 'empty' FROM fee WHERE id = (SELECT fee_id FROM claim WHERE request_key = $1) RETURNING id)
        UPDATE claim SET fee_id = dear.id FROM dear WHERE request_key = $1""",
        UUID(taken["id"]),
        FEE + MORE,
    )
    return {"hold": taken["id"], "hold_token": taken["token"]}


async def moved_dearer(scene: Scene) -> None:
    made = await paid(scene)
    given = await dearer_hold(scene, made)
    asked = await scene.good("POST", path(made, "/move"), made["token"], key=str(uuid4()), json=given)
    await at_provider(scene, asked["pay_url"])
    await scene.webhooks()
    await scene.drain()
    assert (await scene.good("GET", path(made), made["token"]))["fee"]["cents"] == FEE + MORE


async def moved_dearer_unpaid(scene: Scene) -> None:
    """Gone from the provider's page: the case keeps its time."""
    made = await paid(scene)
    given = await dearer_hold(scene, made)
    await scene.good("POST", path(made, "/move"), made["token"], key=str(uuid4()), json=given)
    await scene.run_out()
    await scene.drain()
    seen = await scene.good("GET", path(made), made["token"])
    assert (seen["starts_at"], seen["fee"]["cents"]) == (made["starts_at"], FEE)


async def stayed_after_all(scene: Scene) -> None:
    """The dearer time is given back; nobody pays."""
    made = await paid(scene)
    given = await dearer_hold(scene, made)
    await scene.good("POST", path(made, "/move"), made["token"], key=str(uuid4()), json=given)
    seen = await scene.good("POST", path(made, "/stay"), made["token"])
    assert (seen["starts_at"], seen["waiting"]) == (made["starts_at"], None)
    await scene.run_out()
    await scene.drain()


async def cancelled_and_gone(scene: Scene) -> None:
    """Cancels once and never looks again: the worker pays back."""
    made = await paid(scene)
    await scene.once("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))


async def erased(scene: Scene) -> None:
    """Cancelled on the way; nobody is told of it, as nobody is left."""
    made = await paid(scene)
    await scene.good("POST", path(made, "/erase"), made["token"], key=str(uuid4()))
    await shows(scene, made, "cancelled")
    assert (
        await scene.rows("SELECT FROM person")
        == await scene.rows("SELECT FROM idempotency WHERE about IS NOT NULL")
        == []
    )


async def cancelled_in_breakdown(scene: Scene) -> None:
    made = await paid(scene)
    await _breakdown(scene, "/v1/refunds")
    await scene.good("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))


async def reserved(scene: Scene) -> dict[str, Any]:
    """A service whose fee is reserved first."""
    await scene.rows("UPDATE service SET capture = 'manual' RETURNING id")
    return await paid(scene)


async def taken_after_the_day(scene: Scene) -> None:
    await reserved(scene)
    await scene.rows("UPDATE payment SET service_day = current_date - 2 RETURNING id")


async def taken_in_breakdown(scene: Scene) -> None:
    """The provider breaks down and keeps its 500 under our key."""
    await taken_after_the_day(scene)
    [intent] = scene.machine.state.rows("payment_intents")
    await _breakdown(scene, f"/v1/payment_intents/{intent['id']}/capture")
    await scene.drain()


async def let_go(scene: Scene) -> None:
    made = await reserved(scene)
    await scene.good("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))
    await shows(scene, made, "cancelled")


async def let_go_by_worker(scene: Scene) -> None:
    """Whoever cancels does not come again: the worker lets the money go."""
    made = await reserved(scene)
    await scene.once("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))
    await scene.drain()
    await shows(scene, made, "cancelled")


async def refund_asked_for(scene: Scene) -> tuple[str, str]:
    """By one of two in the till; where the other one approves it, and that one's session."""
    made = await paid(scene)
    [(payment,)] = await scene.rows("SELECT id::text FROM payment WHERE reference = $1", made["id"])
    asking, approving = [await signed_in(scene, login) for login in ("toni", "luca")]
    here = f"/de/finance/payments/{payment}"
    form = {"note": "Paid twice", "request_key": str(uuid4())}
    await scene.good("POST", f"{here}/refunds", staff=asking, form=form)
    [(refund,)] = await scene.rows("SELECT id::text FROM refund")
    return f"{here}/refunds/{refund}/approve", approving


async def signed_in(scene: Scene, login: str, role: str = "finance") -> str:
    """All over the city; the token of a session."""
    token = new_token()
    async with scene.db.transaction() as conn:
        sql = "INSERT INTO account (login, name, password_hash) VALUES ($1, $1, '$argon2id$none') RETURNING id"
        account = await conn.fetchval(sql, login)
        sql = "INSERT INTO account_role (account_id, role_id) SELECT $1, id FROM role WHERE name = $2"
        await conn.execute(sql, account, role)
        sql = "INSERT INTO session VALUES ($1, $2, now(), now(), now() + interval '1 hour')"
        await conn.execute(sql, token_sha256(token), account)
    return token


async def refunded_by_two(scene: Scene) -> None:
    approve, staff = await refund_asked_for(scene)
    await scene.good("POST", approve, staff=staff, form={"request_key": str(uuid4())})


async def refunded_by_two_and_gone(scene: Scene) -> None:
    """Approves once and never looks again: the worker pays back."""
    approve, staff = await refund_asked_for(scene)
    await scene.once("POST", approve, staff=staff, form={"request_key": str(uuid4())})


async def reversed_by_two(scene: Scene) -> None:
    """The journal of a fee, which somebody takes for wrong: as a patient clerk, who looks before pressing again."""
    await paid(scene)
    [(journal,)] = await scene.rows("SELECT id FROM journal WHERE kind = 'fee'")
    asking, approving = [await signed_in(scene, login) for login in ("toni", "luca")]
    here = f"/de/finance/books/journals/{journal}/reversals"
    await scene.good("POST", here, staff=asking, form={"reason": "Zweimal gebucht", "request_key": str(uuid4())})
    [(reversal,)] = await scene.rows("SELECT id::text FROM reversal")
    await scene.once("POST", f"{here}/{reversal}/approve", staff=approving, form={"request_key": str(uuid4())})
    if not await scene.rows("SELECT FROM journal WHERE kind = 'reversal'"):
        await scene.good("POST", f"{here}/{reversal}/approve", staff=approving, form={"request_key": str(uuid4())})


async def paid_out(scene: Scene) -> str:
    """What was paid goes to the city's bank account; the payout's id. The provider's clock is behind, since its books are read up to the
    last whole second: what happens in this one is read next time."""
    await scene.control("clock", {"offset_s": -60}, "PUT")
    await paid(scene)
    sandbox = scene.machine.state
    for row in sandbox.rows("balance_transactions"):
        sandbox.change("balance_transactions", row["id"], available_on=int(scene.machine.now()))
    payout = str((await scene.control("payouts"))["id"])
    await scene.control(f"payouts/{payout}/arrive")
    return payout


async def paid_out_and_back(scene: Scene) -> None:
    """The bank sends the payout back after it was read and booked; finance reads again, and once more where there was no answer."""
    payout = await paid_out(scene)
    await scene.drain(is_spared=True)
    await scene.control(f"payouts/{payout}/fail", {"code": "account_closed"})
    finance = await signed_in(scene, "toni")
    await scene.good("POST", "/de/finance/differences/runs", staff=finance, form={})


async def dispute_opened(scene: Scene) -> tuple[dict[str, Any], str]:
    """By the payer at their bank, without a word from us; the provider has told us or not."""
    made = await paid(scene)
    *_, charge = scene.machine.state.rows("charges")
    return made, str((await scene.control(f"charges/{charge['id']}/dispute"))["id"])


async def disputed(scene: Scene) -> None:
    await dispute_opened(scene)
    await scene.webhooks()


async def disputed_unheard(scene: Scene) -> None:
    """Messages are lost: the worker finds it in the list."""
    await scene.control("webhooks/faults", {"lose": 1.0}, "PUT")
    await dispute_opened_unheard(scene)
    await scene.drain()


async def dispute_opened_unheard(scene: Scene) -> None:
    made = await held(scene, PAID)
    await at_provider(scene, await check_out(scene, made))
    await scene.good("GET", f"/de/appointments/{made['id']}/paid", made["token"])
    *_, charge = scene.machine.state.rows("charges")
    await scene.control(f"charges/{charge['id']}/dispute")


async def cancelled_and_disputed(scene: Scene) -> None:
    """What the rule gives back waits until the dispute is won."""
    made, dispute = await dispute_opened(scene)  # of which we hear by the provider's refusal
    await scene.good("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))
    await scene.control(f"disputes/{dispute}/win")
    await scene.webhooks()


async def transferred(scene: Scene) -> str:
    """The provider cannot give it back: its payee names an account, three persons assess, order and send. The order's address."""
    _made, order = await transfer_asked(scene)
    token = Sealer(scene.env["SECRET_KEY"]).mac(f"transfer:{order}")
    await scene.good("POST", f"/api/refunds/{order}/account", token, json=ACCOUNT)
    here = f"/api/transfers/{order}"
    await scene.good("POST", f"{here}/assess", staff=await signed_in(scene, "ada", "assessor"))
    await scene.good("POST", f"{here}/approve", staff=await signed_in(scene, "toni"))
    noa = await signed_in(scene, "noa", "treasury")
    made_file = await scene.good("POST", "/api/transfer-files", key=str(uuid4()), staff=noa)
    assert (made_file["number"], made_file["sum_cents"]) == (1, FEE)
    return here


async def transfer_asked(scene: Scene, contact: dict[str, Any] | None = None) -> tuple[dict[str, Any], str]:
    """The case, and the order of a refund that the provider could not make."""
    made = await paid(scene, contact=contact)
    await scene.control("refunds/outcome", {"outcome": "pending"}, "PUT")
    await scene.good("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))
    if not scene.machine.state.rows("refunds"):
        await scene.run("drain")  # who was to send it has died: the worker does
    scene.machine.fail_refund(scene.machine.state.rows("refunds")[0]["id"], "lost_or_stolen_card")
    await scene.webhooks()
    [(order,)] = await scene.rows("SELECT id::text FROM transfer_order")
    return made, order


async def transfer_reminded(scene: Scene) -> None:
    """The payee cannot find the mail, and an hour later somebody of the office sends it again."""
    made, order = await transfer_asked(scene)
    async with scene.db.transaction() as conn:
        await conn.execute("ALTER TABLE transfer_step DISABLE TRIGGER USER")
        await conn.execute("UPDATE transfer_step SET at = at - interval '1 hour'")
        await conn.execute("ALTER TABLE transfer_step ENABLE TRIGGER USER")
    staff = await signed_in(scene, "rosa", "clerk")
    [(office,)] = await scene.rows("SELECT office_id FROM appointment")
    await scene.good("POST", f"/api/offices/{office}/cases/{made['id']}/refunds/{order}/remind", staff=staff)


async def transfer_waived(scene: Scene) -> None:
    """Its payee has waived it in writing, and two persons say so."""
    _made, order = await transfer_asked(scene)
    here = f"/de/transfers/{order}/waivers"
    asking, approving = await signed_in(scene, "ada", "assessor"), await signed_in(scene, "toni")
    words = {"ground": "waived", "reason": "Verzicht vom 3. März", "evidence": "Akte 4, Blatt 12"}
    await scene.good("POST", here, staff=asking, form={**words, "request_key": str(uuid4())})
    [(waiver,)] = await scene.rows("SELECT id::text FROM transfer_waiver")
    await scene.good("POST", f"{here}/{waiver}/approve", staff=approving, form={"request_key": str(uuid4())})


async def transfer_letter(scene: Scene) -> None:
    """Also repeated, one run has the letter."""
    post = {"name": "Kim", "postal_address": ["Hauptstraße 1", "70173 Stuttgart"], "language": "de"}
    await transfer_asked(scene, post)
    staff = await signed_in(scene, "rosa", "clerk")
    [(office,)] = await scene.rows("SELECT office_id FROM appointment")
    run = await scene.good("POST", f"/api/offices/{office}/refund-prints", key=str(uuid4()), staff=staff)
    assert await scene.rows("SELECT print_id::text FROM transfer_letter") == [(run["id"],)]
    assert await scene.rows("SELECT count(*) FROM transfer_step WHERE event = 'print'") == [(1,)]


async def transfer_disputed(scene: Scene) -> None:
    """The payer has got the money by a dispute before it was transferred."""
    await transfer_asked(scene)
    *_, charge = scene.machine.state.rows("charges")
    dispute = await scene.control(f"charges/{charge['id']}/dispute")
    await scene.control(f"disputes/{dispute['id']}/lose")
    await scene.webhooks()


async def refunded_at_provider(scene: Scene) -> None:
    """Somebody has given it back on the provider's own pages."""
    await paid(scene)
    *_, charge = scene.machine.state.rows("charges")
    scene.machine.create_refund({"charge": charge["id"], "amount": FEE})
    await scene.webhooks()


async def transfer_given_up(scene: Scene) -> None:
    """The bank returns it, the next account is no good either, and in the end it is cancelled."""
    here = await transferred(scene)
    ada, toni, noa = [await signed_in(scene, f"{name}2", role) for name, role in _THREE]
    note = {"note": "AC04"}
    await scene.good("POST", f"{here}/returned", staff=noa, json=note)
    await scene.good("POST", f"{here}/account", staff=ada, json=ACCOUNT)
    await scene.good("POST", f"{here}/ask-again", staff=ada, json=note)
    await scene.good("POST", f"{here}/cancel", staff=toni, json=note)


ACCOUNT = {"holder": "Kim Mustermann", "iban": "DE89370400440532013000"}
_THREE = (("ada", "assessor"), ("toni", "finance"), ("noa", "treasury"))


async def cancelled_unpaid(scene: Scene) -> None:
    """While the payment page is open: it must be shut before the time is free."""
    made = await held(scene, PAID)
    await check_out(scene, made)
    await scene.good("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))
    await shows(scene, made, "expired")


async def expired_open(scene: Scene) -> None:
    made = await held(scene, PAID)
    await check_out(scene, made)
    await scene.run_out()
    await scene.drain()
    await shows(scene, made, "expired")


async def expired_unopened(scene: Scene) -> None:
    """Gone before the payment page was seen."""
    made = await held(scene, PAID)
    await scene.once("POST", path(made, "/checkout"), made["token"], key=str(uuid4()))
    await scene.run_out()


async def expired_unasked(scene: Scene) -> None:
    """Never came to the payment."""
    await held(scene, PAID)
    await scene.run_out()


async def expired_bare(scene: Scene) -> None:
    await hold(scene, PAID)
    await scene.run_out()


async def paid_in_the_last_second(scene: Scene) -> None:
    await scene.control("webhooks/faults", {"lose": 1.0}, "PUT")
    made = await held(scene, PAID)
    await at_provider(scene, await check_out(scene, made))
    await scene.run_out()
    await scene.drain()
    await shows(scene, made, "confirmed")


async def given_out_by_need(scene: Scene, *, is_spared: bool = False) -> None:
    """Three ask, two times are set aside; the hours between the steps pass in the database."""
    staff, service = await _by_need(scene)
    for n in range(3):
        contact = {**KIM, "name": f"Kim {n}", "email": f"kim{n}@example.org"}
        given = {"service": service, "contact": contact, "birth_date": "1990-01-01"}
        await scene.good("POST", "/api/allocation/requests", key=str(uuid4()), json=given)
    await _given_out(scene, staff, service, slots=2, is_spared=is_spared)


async def told_that_they_wait(scene: Scene) -> None:
    """The worker that closes the list lives; the one that writes may die of it."""
    await given_out_by_need(scene, is_spared=True)


async def given_out_by_telephone(scene: Scene) -> None:
    """Somebody without e-mail: entered by staff, told by them, and booked for them."""
    staff, service = await _by_need(scene)
    [(office,)] = await scene.rows("SELECT min(id) FROM office")
    clerk = await signed_in(scene, "clara", "clerk")
    contact = {"name": "Kim", "postal_address": ["Weg 1", "70173 Stuttgart"], "language": "de"}
    given = {"service": service, "contact": contact, "birth_date": "1990-01-01"}
    here = f"/api/offices/{office}/allocation/requests"
    await scene.good("POST", here, key=str(uuid4()), staff=clerk, json=given)
    await _given_out(scene, staff, service, slots=1)
    [call] = (await scene.good("GET", "/api/allocation/calls", staff=staff))["calls"]
    await scene.good("POST", f"/api/allocation/calls/{call['id']}/book", staff=staff)


async def _by_need(scene: Scene) -> tuple[str, int]:
    """A service that is given out so, and staff who do it."""
    [(service,)] = await scene.rows("SELECT id FROM service WHERE name->>'de' ILIKE $1 LIMIT 1", f"%{FREE}%")
    await scene.rows("INSERT INTO allocation_service (service_id) VALUES ($1)", service)
    return await signed_in(scene, "rosa", "allocation"), service


async def _given_out(scene: Scene, staff: str, service: int, slots: int, *, is_spared: bool = False) -> None:
    await scene.rows(
        """
        UPDATE allocation_request SET status = 'confirmed', checked_at = now(), check_reason = 'Seen',
                                      checked_by = (SELECT max(id) FROM account)"""
    )
    now = utcnow().astimezone(zone("Europe/Berlin")).replace(tzinfo=None, second=0, microsecond=0)
    days = {"from_day": f"{now + timedelta(days=4):%F}", "to_day": f"{now + timedelta(days=12):%F}"}
    moments = {"closes_at": 2, "seed_at": 3, "release_by": 48}
    plan = {name: f"{now + timedelta(hours=hours):%FT%R}" for name, hours in moments.items()}
    fields = {"service": str(service), "channel": "onsite", "slots": str(slots), "seed_source": "Lotto", **days, **plan}
    await scene.good("POST", "/de/allocation/runs", staff=staff, form={**fields, "request_key": str(uuid4())})
    await _hours_pass(scene, "closes_at = now()")
    await scene.drain(is_spared=is_spared)
    await _hours_pass(scene, "seed_at = now()")
    [(run,)] = await scene.rows("SELECT id::text FROM allocation_run")
    here = f"/de/allocation/runs/{run}"
    await scene.good("POST", f"{here}/seed", staff=staff, form={"seed": "4 9 17"})
    await scene.good("POST", f"{here}/release", staff=staff, form={"nothing": ""})


async def no_longer_by_need(scene: Scene) -> None:
    """Said over the API and taken back, while one has a confirmed request."""
    [(service,)] = await scene.rows("SELECT id FROM service WHERE name->>'de' ILIKE $1 LIMIT 1", f"%{FREE}%")
    staff = await signed_in(scene, "rosa", "allocation")
    here = f"/api/allocation/services/{service}"
    await scene.good("POST", f"{here}/mark", staff=staff, json={})
    given = {"service": service, "contact": {**KIM, "email": "kim@example.org"}, "birth_date": "1990-01-01"}
    await scene.good("POST", "/api/allocation/requests", key=str(uuid4()), json=given)
    await scene.rows("UPDATE allocation_request SET status = 'asked'")
    await scene.good("POST", f"{here}/unmark", staff=staff, json={"because": "Counters enough"})
    await scene.drain()
    [row] = await scene.rows("SELECT (SELECT count(*) FROM allocation_mark), status FROM allocation_request")
    assert tuple(row) == (2, "ended")


async def _hours_pass(scene: Scene, change: str) -> None:
    """What is named beforehand cannot be changed: so not by this either, but for a moment without its guard."""
    async with scene.db.transaction() as conn:
        await conn.execute("ALTER TABLE allocation_run DISABLE TRIGGER allocation_run_guard")
        await conn.execute(f"UPDATE allocation_run SET {change}")
        await conn.execute("ALTER TABLE allocation_run ENABLE TRIGGER allocation_run_guard")


async def a_till(scene: Scene) -> None:
    await scene.rows("INSERT INTO till (office_id, key, name) SELECT min(id), 'kasse-1', 'Kasse 1' FROM office")


async def chosen_for_a_till(scene: Scene, made: dict[str, Any]) -> None:
    """With the code that came by mail."""
    sent = await scene.good("POST", path(made, "/till/codes"), made["token"], str(uuid4()), {"way": "email"})
    await scene.drain(is_spared=True)
    [subject] = [one.header("Subject") for one in scene.mail.messages if re.search(r"\d{6}", one.header("Subject"))]
    given = {"code_id": sent["id"], "code": re.findall(r"\d{6}", subject)[0]}
    body = await scene.good("POST", path(made, "/till"), made["token"], json=given)
    assert body["is_chosen"], body
    await scene.drain(is_spared=True)


async def never_came_to_the_till(scene: Scene) -> None:
    """Reminded, and then the deadline passes. What was said stays, but for a moment without its guard."""
    await a_till(scene)
    made = await held(scene, PAID, days=4)
    await chosen_for_a_till(scene, made)
    async with scene.db.transaction() as conn:
        await conn.execute("ALTER TABLE till_hold DISABLE TRIGGER till_hold_stays")
        await conn.execute(
            "UPDATE till_hold SET asked_at = asked_at - interval '60 hours', remind_at = now() - interval '1 second'"
        )
        await conn.execute("ALTER TABLE till_hold ENABLE TRIGGER till_hold_stays")
    await scene.drain()
    await shows(scene, made, "held")
    await scene.run_out()
    await scene.drain()
    await shows(scene, made, "expired")


async def left_for_a_till(scene: Scene) -> None:
    """The provider is silent, so what was begun there is not waited for any more."""
    await a_till(scene)
    await scene.control(
        "faults", {"faults": [{"kind": "drop_before", "path": "/v1/checkout/sessions", "times": 999}]}, "PUT"
    )
    made = await held(scene, PAID, days=4)
    status, said = await scene.once("POST", path(made, "/checkout"), made["token"]) or (0, {})
    assert (status, "pay_at_till_until" in said) == (503, True), said
    await chosen_for_a_till(scene, made)
    await scene.good("POST", path(made, "/cancel"), made["token"], key=str(uuid4()))
    await scene.control("faults", {"faults": []}, "PUT")


async def asked_whether_they_come(scene: Scene, *, releases: bool = True, is_spared: bool = True) -> dict[str, Any]:
    """A paid case whose person has been asked, by a worker that may die of it or not."""
    await scene.rows("UPDATE service SET reconfirm_days = 60, reconfirm_hours = 1, reconfirm_releases = $1", releases)
    made = await paid(scene, days=2)
    await scene.rows("UPDATE appointment SET created_at = now() - interval '60 days'")
    await scene.drain(is_spared=is_spared)
    return made


async def deadline(scene: Scene) -> None:
    """Nobody has answered until it. What was asked cannot be changed: so not by this either, but for a moment without its guard."""
    async with scene.db.transaction() as conn:
        await conn.execute("ALTER TABLE reconfirm DISABLE TRIGGER reconfirm_guard")
        await conn.execute("UPDATE reconfirm SET asked_at = now() - interval '1 day', answer_by = now()")
        await conn.execute("ALTER TABLE reconfirm ENABLE TRIGGER reconfirm_guard")
    await scene.drain()


async def not_answered(scene: Scene) -> None:
    made = await asked_whether_they_come(scene)
    await deadline(scene)
    await shows(scene, made, "cancelled")


async def only_seen(scene: Scene) -> None:
    made = await asked_whether_they_come(scene, releases=False)
    await deadline(scene)
    await shows(scene, made, "confirmed")


async def will_come(scene: Scene) -> None:
    made = await asked_whether_they_come(scene, is_spared=False)
    await scene.good("POST", path(made, "/keep"), made["token"], key=str(uuid4()))
    await deadline(scene)
    await shows(scene, made, "confirmed")


async def link_sent(scene: Scene) -> None:
    """To one's appointments: asked for, come by mail, opened once however often the request is repeated."""
    made = await held(scene, FREE)
    await scene.good("POST", path(made, "/checkout"), made["token"], key=str(uuid4()))
    await scene.good("POST", "/api/my-appointments/links", key=str(uuid4()), json={"email": KIM["email"]})
    await scene.drain()
    [link] = re.findall(
        r"/my-appointments/link/(\S+)", "".join(mail.part("text/plain") or "" for mail in scene.mail.messages)
    )
    opened = await scene.good("POST", "/api/my-appointments", key=str(uuid4()), json={"token": link})
    listed = await scene.good("GET", f"/api/my-appointments/{opened['id']}", opened["token"])
    assert [one["id"] for one in listed["appointments"]] == [made["id"]]


async def booked_for(scene: Scene, email: str, place: int) -> dict[str, Any]:
    """Free of charge, at this place among an office's times of the days after tomorrow."""
    service = (await scene.good("GET", f"/api/services?q={FREE}"))["services"][0]["id"]
    first = utcnow() + timedelta(days=2)
    query = f"service={service}&channel=onsite&office=1&from={first:%F}&to={first + timedelta(days=7):%F}"
    slot = (await scene.good("GET", f"/api/slots?{query}"))["slots"][place]
    wanted = {"service": service, "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    taken = await scene.good("POST", "/api/holds", key=str(uuid4()), json=wanted)
    given = {"hold": taken["id"], "contact": {**KIM, "email": email}}
    made: dict[str, Any] = await scene.good("POST", "/api/appointments", taken["token"], key=str(uuid4()), json=given)
    await scene.good("POST", path(made, "/checkout"), made["token"], key=str(uuid4()))
    return made


async def freed(scene: Scene, wish: dict[str, Any]) -> dict[str, Any]:
    """Somebody waits, somebody else cancels, the worker looks at it: who waits."""
    leaving, waiting = await booked_for(scene, "ada@example.org", 0), await booked_for(scene, "bo@example.org", -1)
    await scene.good("POST", path(waiting, "/waitlist"), waiting["token"], json=wish)
    await scene.good("POST", path(leaving, "/cancel"), leaving["token"], key=str(uuid4()))
    await scene.drain()
    return waiting


async def swapped(scene: Scene) -> None:
    """Also repeated, both times change hands once."""
    waiting = await freed(scene, {})
    standing = await scene.good("GET", path(waiting, "/waitlist"), waiting["token"])
    accept = path(waiting, f"/waitlist/offers/{standing['offer']['id']}/accept")
    await scene.good("POST", accept, waiting["token"])
    assert await scene.rows("SELECT status FROM waitlist_slot") == [("taken",)]


async def suited_nobody(scene: Scene) -> None:
    """The only one who waits could only have come long ago: it goes back, at the moment that was drawn once."""
    await freed(scene, {"windows": [{"last": "2020-01-01"}]})
    [(back_at,)] = await scene.rows("SELECT back_at FROM waitlist_slot WHERE status = 'returned'")
    assert await scene.rows("SELECT hold_until FROM claim WHERE status = 1") == [(back_at,)]


async def invited(scene: Scene) -> tuple[str, str]:
    """Somebody, to choose a time within ten days; the invitation and the token of its link."""
    made = await invite(scene, await signed_in(scene, "rosa", "clerk"), KIM)
    return made["id"], Sealer("test-" + "k" * 40).mac(f"invitation:{made['id']}")


async def invite(scene: Scene, staff: str, contact: dict[str, Any]) -> dict[str, Any]:
    wanted = {**await invited_to(scene), "contact": contact}
    made: dict[str, Any] = await scene.good(
        "POST", "/api/offices/1/invitations", key=str(uuid4()), json=wanted, staff=staff
    )
    return made


async def invited_to(scene: Scene) -> dict[str, Any]:
    today = utcnow().date()
    return {
        "service": (await scene.good("GET", f"/api/services?q={FREE}"))["services"][0]["id"],
        "first_day": f"{today + timedelta(days=2)}",
        "last_day": f"{today + timedelta(days=12)}",
        "answer_by": f"{today + timedelta(days=10)}",
    }


async def invited_by_list(scene: Scene) -> None:
    """Also repeated, everybody is invited once."""
    staff, people = await signed_in(scene, "rosa", "clerk"), [KIM, {**KIM, "email": "alex@example.org"}]
    wanted = {**await invited_to(scene), "people": [{"contact": contact} for contact in people]}
    done = await scene.good("POST", "/api/offices/1/invitation-lists", json=wanted, staff=staff)
    assert done["made"] + done["known"] == 2
    assert await scene.rows("SELECT count(*) FROM invitation") == [(2,)]


async def printed(scene: Scene) -> None:
    """Also repeated, one run has the letter."""
    staff = await signed_in(scene, "rosa", "clerk")
    await invite(
        scene, staff, {"name": "Kim", "postal_address": ["Hauptstraße 1", "70173 Stuttgart"], "language": "de"}
    )
    run = await scene.good("POST", "/api/offices/1/invitation-prints", key=str(uuid4()), staff=staff)
    assert await scene.rows("SELECT print_id::text FROM invitation") == [(run["id"],)]


async def booked_by_invitation(scene: Scene) -> None:
    """Also repeated, it is one invitation, and used once."""
    ident, token = await invited(scene)
    here = f"/api/invitations/{ident}"
    slot = (await scene.good("GET", f"{here}/slots", token))["slots"][0]
    taken = await scene.good("POST", f"{here}/holds", token, key=str(uuid4()), json={"starts_at": slot["starts_at"]})
    given = {"hold": taken["id"], "contact": KIM}
    made = await scene.good("POST", "/api/appointments", taken["token"], key=str(uuid4()), json=given)
    await scene.good("POST", path(made, "/checkout"), made["token"], key=str(uuid4()))
    assert (await scene.good("GET", here, token))["status"] == "booked"


async def reminded(scene: Scene) -> None:
    await invited(scene)
    async with scene.db.transaction() as conn:
        await conn.execute("ALTER TABLE invitation DISABLE TRIGGER invitation_terms_fixed")
        await conn.execute("UPDATE invitation SET answer_by = answer_by - 9, made_at = made_at - interval '20 days'")
        await conn.execute("ALTER TABLE invitation ENABLE TRIGGER invitation_terms_fixed")
    await scene.drain()


async def booked_far(scene: Scene, words: str, contact: dict[str, Any] = KIM) -> dict[str, Any]:
    """Some days from now, so that there is time to ask and to answer."""
    service = (await scene.good("GET", f"/api/services?q={words}"))["services"][0]["id"]
    after = (utcnow() + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:00Z")
    query = f"service={service}&channel=onsite&limit=1&after={after}"
    [slot] = (await scene.good("GET", f"/api/slots/next?{query}"))["slots"]
    wanted = {"service": service, "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    taken = await scene.good("POST", "/api/holds", key=str(uuid4()), json=wanted)
    given = {"hold": taken["id"], "contact": contact}
    made: dict[str, Any] = await scene.good("POST", "/api/appointments", taken["token"], key=str(uuid4()), json=given)
    pay_url = (await scene.good("POST", path(made, "/checkout"), made["token"], key=str(uuid4())))["pay_url"]
    if pay_url:
        await at_provider(scene, pay_url)
        await scene.webhooks()
    await shows(scene, made, "confirmed")
    return made


async def closed(
    scene: Scene, made: dict[str, Any], *, one_counter: bool = False, if_silent: str = "telephone"
) -> tuple[str, str]:
    """Around the appointment, and what follows from it is done; where it is tracked, and the session of who closed."""
    staff = await signed_in(scene, "boss", "admin")
    [(office, counter)] = await scene.rows(
        "SELECT office_id, counter_id FROM claim WHERE appointment_id = $1", made["id"]
    )
    start = datetime.fromisoformat(made["starts_at"])
    wanted = {
        "counter": counter if one_counter else None,
        "starts_at": (start - timedelta(hours=1)).isoformat(),
        "ends_at": (start + timedelta(hours=1)).isoformat(),
        "reason": "Wasserschaden",
        "if_silent": if_silent,
    }
    here = f"/api/offices/{office}/closings"
    closing = await scene.good("POST", here, key=str(uuid4()), json=wanted, staff=staff)
    await scene.drain()
    return f"{here}/{closing['id']}", staff


async def answer(scene: Scene, made: dict[str, Any], **given: Any) -> Any:
    return await scene.good("POST", path(made, "/rebooking"), made["token"], json=given)


async def rebooked(scene: Scene) -> None:
    made = await booked_far(scene, PAID)
    await closed(scene, made)
    [(best,)] = await scene.rows(
        "SELECT o.n FROM rebooking_offer o JOIN claim c ON c.request_key = o.hold_id ORDER BY c.id LIMIT 1"
    )
    assert (await answer(scene, made, answer="accept", n=best))["status"] == "accepted"
    await shows(scene, made, "confirmed")


async def shifted(scene: Scene) -> None:
    """Another counter at the same time; nobody is told."""
    made = await booked_far(scene, FREE)
    await closed(scene, made, one_counter=True)
    assert (await scene.good("GET", path(made), made["token"]))["starts_at"] == made["starts_at"]


async def rebooked_by_telephone(scene: Scene) -> None:
    made = await booked_far(
        scene, FREE, {"name": "Oma", "postal_address": ["Weg 1", "70173 Stuttgart"], "language": "de"}
    )
    here, staff = await closed(scene, made)
    closed_until = datetime.fromisoformat(made["starts_at"]) + timedelta(hours=1)
    query = f"service={made['service']}&channel=onsite&limit=1&after={closed_until:%FT%TZ}"
    [slot] = (await scene.good("GET", f"/api/slots/next?{query}"))["slots"]
    wanted = {"office": slot["office"], "starts_at": slot["starts_at"]}
    done = await scene.good("POST", f"{here}/appointments/{made['id']}/move", json=wanted, staff=staff)
    assert (done["status"], done["because"]) == ("moved", "unreachable")


async def wants_another(scene: Scene) -> None:
    made = await booked_far(scene, FREE)
    await closed(scene, made)
    assert (await answer(scene, made, answer="other"))["status"] == "declined"


async def never_answers(scene: Scene) -> None:
    """The days until the answer is due pass in the database. The worker that asks lives; the next one may die."""
    made = await booked_far(scene, PAID)
    armed = scene.plan.pop("drain", [])
    await closed(scene, made, if_silent="cancel")
    scene.plan["drain"] = armed
    await scene.rows("UPDATE rebooking SET answer_until = now()")
    await scene.drain()
    await shows(scene, made, "cancelled")


async def job(scene: Scene) -> None:
    async with scene.db.transaction() as conn:
        await conn.execute("CREATE TABLE handled (what text)")
        await enqueue(conn, "count", "once", {"what": "it"}, utcnow())
    while await scene.rows("SELECT FROM job WHERE status = 'due'"):
        await scene.run("jobs")
        await scene.later()


async def _breakdown(scene: Scene, route: str) -> None:
    await scene.control("faults", {"faults": [{"kind": "error_before", "method": "POST", "path": route}]}, "PUT")


CONFIRMED = Outcome(
    cases=(("held", "confirmed"),),
    claims=(2,),
    payments=(("paid", FEE, 0),),
    journal=PAID_IN,
    sessions=("complete",),
    charges=((FEE, 0),),
    mails=("appointment_confirmed",),
)
CANCELLED = Outcome(
    cases=(("held", "confirmed", "cancelled"),),
    claims=(9,),
    payments=(("paid", FEE, FEE),),
    refunds=((FEE, "succeeded"),),
    journal=PAID_IN + PAID_BACK,
    sessions=("complete",),
    charges=((FEE, FEE),),
    given_back=((FEE, "succeeded"),),
    mails=("appointment_cancelled", "appointment_confirmed", "refund_succeeded"),
)
_OWED = (
    ("transfer_owed", "received_in_advance", FEE),
    ("transfer_owed", "refund_payable", -FEE),
    ("transfer_owed", "refund_payable", FEE),
    ("transfer_owed", "transfer_payable", -FEE),
)
SENT = replace(
    CANCELLED,
    refunds=((FEE, "failed"),),
    journal=PAID_IN + _OWED,
    charges=((FEE, 0),),
    given_back=((FEE, "failed"),),
    mails=("appointment_cancelled", "appointment_confirmed", "transfer_asked"),
)
REFUNDED = replace(
    CANCELLED, cases=(("held", "confirmed"),), claims=(2,), mails=("appointment_confirmed", "refund_succeeded")
)
EXPIRED = Outcome(
    cases=(("held", "expiring", "expired"),), claims=(8,), payments=(("fenced", 0, 0),), sessions=("expired",)
)
LAST_SECOND = replace(CONFIRMED, cases=(("held", "expiring", "confirmed"),))

_TAKEN = replace(CONFIRMED, journal=(*PAID_IN, *EARNS), mails=("appointment_confirmed", "fee_taken"))
_LET_GO = Outcome(
    cases=(("held", "confirmed", "cancelled"),),
    claims=(9,),
    payments=(("fenced", 0, 0),),
    sessions=("complete",),
    charges=((FEE, FEE),),  # as the provider shows an authorisation that was cancelled
    mails=("appointment_cancelled", "appointment_confirmed"),
)
TAKEN = Story(taken_after_the_day, _TAKEN)
TAKEN_IN_BREAKDOWN = Story(taken_in_breakdown, _TAKEN)
LET_GO = Story(let_go, _LET_GO)
LET_GO_BY_WORKER = Story(let_go_by_worker, _LET_GO)

FREE_BOOKED = Story(free, Outcome(cases=(("held", "confirmed"),), claims=(2,), mails=("appointment_confirmed",)))
MOVED = Story(
    moved,
    Outcome(
        cases=(("held", "confirmed", "moved"),), claims=(10, 2), mails=("appointment_confirmed", "appointment_moved")
    ),
)
BOOKED = Story(booked, CONFIRMED)
EARNED = Story(earned, replace(CONFIRMED, journal=(*PAID_IN, *EARNS)))
MOVED_PAID = Story(
    moved_paid,
    replace(
        CONFIRMED,
        cases=(("held", "confirmed", "moved"),),
        claims=(10, 2),
        mails=("appointment_confirmed", "appointment_moved"),
    ),
)
BOOKED_BY_RETURN = Story(booked_by_return, CONFIRMED)
BOOKED_UNHEARD = Story(booked_unheard, CONFIRMED)
BOOKED_AFTER_BREAKDOWN = Story(booked_after_breakdown, CONFIRMED)
BOOKED_BESIDE_STRAY = Story(booked_beside_stray, replace(CONFIRMED, sessions=("complete", "expired")))
MOVED_DEARER = Story(
    moved_dearer,
    Outcome(
        cases=(("held", "confirmed", "moved"),),
        claims=(10, 2),
        payments=(("paid", FEE, 0), ("paid", MORE, 0)),
        journal=PAID_IN + tuple((kind, account, cents // FEE * MORE) for kind, account, cents in PAID_IN),
        sessions=("complete", "complete"),
        charges=((FEE, 0), (MORE, 0)),
        mails=("appointment_confirmed", "appointment_moved"),
    ),
)
MOVED_DEARER_UNPAID = Story(
    moved_dearer_unpaid,
    replace(
        CONFIRMED,
        claims=(2, 8),
        payments=(("paid", FEE, 0), ("fenced", 0, 0)),
        sessions=("complete", "expired"),
    ),
)
# Killed before the provider was told: its session runs out by itself, and money that comes until then goes back as for any lost time.
STAYED = Story(
    stayed_after_all,
    replace(MOVED_DEARER_UNPAID.ends, payments=(("paid", FEE, 0), ("open", 0, 0)), sessions=("complete", "open")),
)
PAID_BACK_AT_ONCE = Story(cancelled, CANCELLED)
PAID_BACK_BY_WORKER = Story(cancelled_and_gone, CANCELLED)
ERASED = Story(erased, replace(CANCELLED, mails=()))
PAID_BACK_AFTER_BREAKDOWN = Story(cancelled_in_breakdown, CANCELLED)
REFUNDED_BY_TWO = Story(refunded_by_two, REFUNDED)
REFUNDED_BY_TWO_AND_WORKER = Story(refunded_by_two_and_gone, REFUNDED)
CANCELLED_UNPAID = Story(cancelled_unpaid, EXPIRED)
TRANSFERRED = Story(transferred, SENT)
TRANSFER_GIVEN_UP = Story(
    transfer_given_up,
    replace(
        SENT,
        payments=(("paid", FEE, 0),),
        journal=PAID_IN + _OWED + tuple(("transfer_cancelled", account, -cents) for _kind, account, cents in _OWED),
        mails=(*SENT.mails, "transfer_asked", "transfer_returned"),
    ),
)
PAYOUT = FEE - 45  # the sandbox keeps 1.5 % and 25 cents
_PAID_OUT = (("payout", "bank_in_transit", PAYOUT), ("payout", "psp_clearing", -PAYOUT))
_WITHDRAWN = (("dispute", "dispute_receivable", FEE), ("dispute", "psp_clearing", -FEE))
TRANSFER_REMINDED = Story(transfer_reminded, replace(SENT, mails=(*SENT.mails, "transfer_asked")))
TRANSFER_WAIVED = Story(
    transfer_waived,
    replace(
        SENT,
        journal=(
            *PAID_IN,
            *_OWED,
            ("refund_waived", "transfer_payable", FEE),
            ("refund_waived", "waived_refunds", -FEE),
        ),
    ),
)
TRANSFER_LETTER = Story(transfer_letter, replace(SENT, mails=()))
TRANSFER_DISPUTED = Story(
    transfer_disputed,
    replace(
        SENT,
        payments=(("paid", FEE, 0),),
        refunds=((FEE, "overtaken"),),
        journal=(
            *PAID_IN,
            *_OWED,
            *_WITHDRAWN,
            ("dispute_lost", "dispute_loss", FEE),
            ("dispute_lost", "dispute_receivable", -FEE),
            *(("transfer_cancelled", account, -cents) for _kind, account, cents in _OWED),
            ("refund_overtaken", "received_in_advance", FEE),
            ("refund_overtaken", "dispute_loss", -FEE),
        ),
    ),
)
REFUNDED_AT_PROVIDER = Story(refunded_at_provider, REFUNDED)
DISPUTED = Story(disputed, replace(CONFIRMED, journal=PAID_IN + _WITHDRAWN))
DISPUTED_UNHEARD = Story(disputed_unheard, DISPUTED.ends)
CANCELLED_AND_DISPUTED = Story(
    cancelled_and_disputed,
    replace(
        CANCELLED,
        journal=PAID_IN
        + _WITHDRAWN
        + tuple(("dispute_won", account, -cents) for _kind, account, cents in reversed(_WITHDRAWN))
        + PAID_BACK,
    ),
)
PAID_OUT = Story(paid_out, replace(CONFIRMED, payouts=(("paid", PAYOUT),), paid_out=_PAID_OUT))
PAID_OUT_AND_BACK = Story(
    paid_out_and_back,
    replace(
        CONFIRMED,
        payouts=(("failed", PAYOUT),),
        paid_out=_PAID_OUT + tuple(("payout_failed", account, -cents) for _kind, account, cents in _PAID_OUT),
    ),
)
REVERSED = Story(
    reversed_by_two,
    replace(CONFIRMED, journal=PAID_IN + tuple(("reversal", account, -cents) for _kind, account, cents in PAID_IN)),
)
EXPIRED_OPEN = Story(expired_open, EXPIRED)
EXPIRED_UNOPENED = Story(expired_unopened, EXPIRED)
EXPIRED_UNASKED = Story(expired_unasked, Outcome(cases=(("held", "expired"),), claims=(8,)))
EXPIRED_BARE = Story(expired_bare, Outcome(claims=(8,)))
PAID_LATE = Story(paid_in_the_last_second, LAST_SECOND)
BY_NEED = Story(
    given_out_by_need,
    Outcome(
        cases=(("held",), ("held",)),
        claims=(1, 1),
        mails=(*("allocation_request",) * 3, "allocation_waits", *("appointment_offered",) * 2),
    ),
)
WAITING = Story(told_that_they_wait, BY_NEED.ends)
BY_TELEPHONE = Story(given_out_by_telephone, Outcome(cases=(("held", "confirmed"),), claims=(2,)))
NO_LONGER_BY_NEED = Story(no_longer_by_need, Outcome(mails=("allocation_ended", "allocation_request")))
ASKED_MAILS = ("appointment_confirmed", "appointment_reconfirm")
NOT_ANSWERED = Story(
    not_answered,
    replace(
        CANCELLED,
        mails=("appointment_confirmed", "appointment_reconfirm", "appointment_released", "refund_succeeded"),
    ),
)
ONLY_SEEN = Story(only_seen, replace(CONFIRMED, mails=ASKED_MAILS))
TILL_MAILS = ("till_code", "till_reserved")
NEVER_AT_TILL = Story(
    never_came_to_the_till,
    Outcome(
        cases=(("held", "expiring", "expired"),),
        claims=(8,),
        payments=(("fenced", 0, 0),),
        mails=("till_code", "till_lapsed", "till_reminder", "till_reserved"),
    ),
)
LEFT_FOR_TILL = Story(
    left_for_a_till,
    Outcome(
        cases=(("held", "expiring", "expired"),),
        claims=(8,),
        payments=(("lapsed", 0, 0), ("fenced", 0, 0)),
        mails=TILL_MAILS,
    ),
)
WILL_COME = Story(will_come, replace(CONFIRMED, mails=ASKED_MAILS))
LINK_SENT = Story(
    link_sent,
    Outcome(cases=(("held", "confirmed"),), claims=(2,), mails=("appointment_confirmed", "overview_link")),
)
INVITED = Story(
    booked_by_invitation,
    Outcome(cases=(("held", "confirmed"),), claims=(2,), mails=("appointment_confirmed", "invitation")),
)
LISTED = Story(invited_by_list, Outcome(mails=("invitation", "invitation")))
PRINTED = Story(printed, Outcome())
REMINDED = Story(reminded, Outcome(mails=("invitation", "invitation_reminder")))
_CONFIRMED_TWICE = ("appointment_cancelled", "appointment_confirmed", "appointment_confirmed")
SWAPPED = Story(
    swapped,
    Outcome(
        cases=(("held", "confirmed", "cancelled"), ("held", "confirmed", "moved")),
        claims=(9, 10, 2),
        mails=(*_CONFIRMED_TWICE, "appointment_moved", "waitlist_offered"),
    ),
)
SUITED_NOBODY = Story(
    suited_nobody,
    Outcome(
        cases=(("held", "confirmed", "cancelled"), ("held", "confirmed")),
        claims=(9, 2, 1),
        mails=_CONFIRMED_TWICE,
    ),
)
REBOOKED = Story(
    rebooked,
    replace(
        CONFIRMED,
        cases=(("held", "confirmed", "rebooked"),),
        claims=(10, 2, 9, 9),
        mails=("appointment_confirmed", "appointment_moved", "rebooking_offered"),
    ),
)
SHIFTED = Story(
    shifted,
    Outcome(cases=(("held", "confirmed", "rebooked"),), claims=(10, 2), mails=("appointment_confirmed",)),
)
REBOOKED_BY_TELEPHONE = Story(
    rebooked_by_telephone, Outcome(cases=(("held", "confirmed", "rebooked"),), claims=(10, 2))
)
WANTS_ANOTHER = Story(
    wants_another,
    Outcome(cases=(("held", "confirmed"),), claims=(2, 9, 9, 9), mails=("appointment_confirmed", "rebooking_offered")),
)
NEVER_ANSWERS = Story(
    never_answers,
    replace(
        CANCELLED,
        claims=(9, 9, 9, 9),
        mails=("appointment_cancelled", "appointment_confirmed", "rebooking_offered", "refund_succeeded"),
    ),
)
JOB = Story(job, Outcome())
