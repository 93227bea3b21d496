"""The API through the real SDK: idempotency, errors, lists, expansion, and planned faults."""

import asyncio
from typing import Any

import aiohttp
import pytest
import stripe

from sandbox.stripe.faults import Fault, Kind
from sandbox.stripe.forms import decode
from sandbox.stripe.wire import FAULTS
from tests.sandbox.running import Sandbox, sandbox, session_body

KEY = {"Authorization": "Bearer sk_test_x"}


async def create(box: Sandbox, key: str = "k1", **more: Any) -> Any:
    return await box.sdk.v1.checkout.sessions.create_async(session_body(**more), {"idempotency_key": key})  # type: ignore[arg-type]


async def refund(box: Sandbox, key: str, **body: Any) -> Any:
    return await box.sdk.v1.refunds.create_async(body, {"idempotency_key": key})  # type: ignore[arg-type]


async def test_the_whole_way_through_the_sdk() -> None:
    async with sandbox() as box:
        made = await create(box, expires_at=box.machine.now() + 3600)
        assert made.url == f"{box.url}/pay/{made.id}"
        assert (made.status, made.payment_status, made.amount_total) == ("open", "unpaid", 1290)
        await box.control("POST", f"sessions/{made.id}/pay", {})
        paid = await box.sdk.v1.checkout.sessions.retrieve_async(made.id, {"expand": ["payment_intent.latest_charge"]})
        assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
        intent = paid.payment_intent
        assert isinstance(intent, stripe.PaymentIntent)
        assert isinstance(intent.latest_charge, stripe.Charge)
        assert (intent.status, intent.metadata["payment_id"]) == ("succeeded", "p-1")

        given = await refund(box, "r1", payment_intent=intent.id, amount=290, metadata={"refund_id": "r-1"})
        assert (given.status, given.amount) == ("succeeded", 290)
        found = await box.sdk.v1.refunds.list_async({"payment_intent": intent.id})
        assert [row.metadata["refund_id"] async for row in found.auto_paging_iter() if row.metadata] == ["r-1"]
        events = await box.sdk.v1.events.list_async({"types": ["charge.refunded", "refund.created"]})
        assert [event.type for event in events.data] == ["charge.refunded", "refund.created"]
        assert events.data[0].request is not None
        assert events.data[0].request.idempotency_key == "r1"
        assert events.data[0].request.id == given.last_response.headers["Request-Id"]


async def test_same_key_and_body_gives_the_stored_answer() -> None:
    async with sandbox() as box:
        first, second = await create(box), await create(box)
        assert first.id == second.id
        assert box.machine.state.count("sessions") == 1
        headers = second.last_response.headers
        assert headers["Idempotent-Replayed"] == "true"
        assert headers["Original-Request"] == first.last_response.headers["Request-Id"]


async def test_same_key_and_other_body_is_refused() -> None:
    async with sandbox() as box:
        await create(box)
        with pytest.raises(stripe.IdempotencyError) as caught:
            await create(box, amount=5)
        assert caught.value.http_status == 400
        assert box.machine.state.count("sessions") == 1


async def test_a_key_is_forgotten_after_24_hours() -> None:
    async with sandbox() as box:
        first = await create(box)
        box.clock.advance(hours=23, minutes=59)
        assert (await create(box)).id == first.id
        box.clock.advance(minutes=1)
        assert (await create(box)).id != first.id


async def test_refusals_of_begun_requests_are_stored_and_wrong_parameters_are_not() -> None:
    async with sandbox() as box:
        with pytest.raises(stripe.InvalidRequestError) as unknown:
            await create(box, colour="red")
        assert (unknown.value.code, unknown.value.param) == ("parameter_unknown", "colour")
        made = await create(box)  # the same key, now with a right body
        with pytest.raises(stripe.InvalidRequestError):
            await refund(box, "r1", payment_intent=made.payment_intent)
        box.machine.pay(made.id)
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            await refund(box, "r1", payment_intent=made.payment_intent)
        assert (await refund(box, "r2", payment_intent=made.payment_intent)).amount == 1290


async def test_over_refund_in_the_sdks_words() -> None:
    async with sandbox() as box:
        made = await create(box)
        box.machine.pay(made.id)
        with pytest.raises(stripe.InvalidRequestError) as too_much:
            await refund(box, "r1", payment_intent=made.payment_intent, amount=1291)
        assert (too_much.value.http_status, too_much.value.param) == (400, "amount")
        await refund(box, "r2", payment_intent=made.payment_intent)
        with pytest.raises(stripe.InvalidRequestError) as again:
            await refund(box, "r3", payment_intent=made.payment_intent)
        assert (again.value.http_status, again.value.code) == (400, "charge_already_refunded")


async def test_expire_and_pay_race_has_one_winner() -> None:
    async with sandbox() as box:
        won: list[str] = []
        for number in range(8):
            made = await create(box, f"k{number}")

            async def expire(session_id: str = made.id) -> str:
                try:
                    return str((await box.sdk.v1.checkout.sessions.expire_async(session_id)).status)
                except stripe.InvalidRequestError:  # HTTP 400
                    return "refused"

            async def pay(session_id: str = made.id) -> str:
                url = f"{box.url}/_sandbox/sessions/{session_id}/pay"
                async with box.http.post(url, json={}) as response:
                    return "complete" if response.status == 200 else "refused"

            pair = [expire(), pay()] if number % 2 else [pay(), expire()]
            outcome = sorted(await asyncio.gather(*pair))
            assert outcome in (["complete", "refused"], ["expired", "refused"])
            assert box.machine.get("sessions", made.id)["status"] == outcome[0]
            won.append(outcome[0])
        assert len(won) == 8


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic sk_test_x"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer sk_live_secret"}, 401),
        (KEY, 200),
    ],
)
async def test_a_test_key_is_needed(headers: dict[str, str], status: int) -> None:
    async with sandbox() as box, box.http.get(f"{box.url}/v1/events", headers=headers) as response:
        body = await response.json()
        assert response.status == status
        assert response.headers["Request-Id"].startswith("req_")
        assert "secret" not in str(body)
        if status == 401:
            assert body["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/checkout/sessions/cs_nix", "resource_missing"),
        ("/v1/payment_intents/pi_nix", "resource_missing"),
        ("/v1/charges/ch_nix", "resource_missing"),
        ("/v1/refunds/%3Cscript%3E", "resource_missing"),
        ("/v1/events/evt_nix", "resource_missing"),
        ("/v1/balance_transactions/txn_nix", "resource_missing"),
        ("/v1/payouts/po_nix", "resource_missing"),
        ("/v1/disputes/dp_nix", "resource_missing"),
        ("/v1/customers", None),
        ("/v1/charges", None),
    ],
)
async def test_what_is_not_there_is_404(path: str, code: str | None) -> None:
    async with sandbox() as box, box.http.get(box.url + path, headers=KEY) as response:
        assert response.status == 404
        assert (await response.json())["error"].get("code") == code


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"mode": "gift"}, None, "mode"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"line_items": []}, "amount_too_small", "line_items"),
        ({"payment_intent_data": {"nix": "1"}}, "parameter_unknown", "payment_intent_data[nix]"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"metadata": {"k" * 41: "v"}}, "parameter_invalid_empty", "metadata"),
        ({"client_reference_id": ""}, "parameter_invalid_empty", "client_reference_id"),
        ({"expand": ["nothing"]}, None, "expand"),
    ],
)
async def test_wrong_parameters_are_named(change: dict[str, Any], code: str | None, param: str) -> None:
    async with sandbox() as box:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await create(box, **change)
        if change != {"line_items": []}:  # an empty list cannot be said in a form: it is missing
            assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
        else:
            assert caught.value.code == "parameter_missing"


async def test_lists_are_paged_newest_first_and_filtered() -> None:
    async with sandbox() as box:
        made = []
        for number in range(5):
            made.append((await create(box, f"k{number}")).id)
            box.clock.advance(minutes=1)
        sessions = box.sdk.v1.checkout.sessions
        page = await sessions.list_async({"limit": 2})
        assert ([row.id for row in page.data], page.has_more) == ([made[4], made[3]], True)
        assert [row.id async for row in page.auto_paging_iter()] == made[::-1]
        back = await sessions.list_async({"limit": 2, "ending_before": made[1]})
        assert [row.id for row in back.data] == [made[3], made[2]]
        since = (await sessions.retrieve_async(made[3])).created
        later = await sessions.list_async({"created": {"gte": since}, "expand": ["data.payment_intent"]})
        assert [row.id for row in later.data] == [made[4], made[3]]
        assert isinstance(later.data[0].payment_intent, stripe.PaymentIntent)
        box.machine.expire_session(made[2])
        assert [row.id for row in (await sessions.list_async({"status": "expired"})).data] == [made[2]]
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await sessions.list_async({"starting_after": "cs_nix"})
        assert (caught.value.http_status, caught.value.code) == (400, "resource_missing")


@pytest.mark.parametrize(
    ("kind", "happened"),
    [("drop_before", False), ("drop_after", True), ("error_before", False), ("error_after", True)],
)
async def test_faults_before_and_after_the_effect(kind: Kind, happened: bool) -> None:
    async with sandbox() as box:
        await box.control("PUT", "faults", {"faults": [{"kind": kind, "method": "POST", "path": "/v1/checkout"}]})
        wanted = stripe.APIConnectionError if kind.startswith("drop") else stripe.APIError
        with pytest.raises(wanted):
            await create(box)
        assert box.machine.state.count("sessions") == happened
        assert await box.control("GET", "faults") == {"faults": []}
        if kind.startswith("error"):  # as Stripe: the 500 is what this key gives from now on
            with pytest.raises(stripe.APIError) as caught:
                await create(box)
            assert caught.value.headers is not None
            assert caught.value.headers["Idempotent-Replayed"] == "true"
        else:
            await create(box)
            assert box.machine.state.count("sessions") == 1


async def test_a_key_under_way_gives_409() -> None:
    async with sandbox() as box:
        faults = box.app[FAULTS]
        taken, take = asyncio.Event(), faults.take

        def noticed(method: str, path: str) -> Fault | None:
            taken.set()
            return take(method, path)

        faults.take = noticed  # type: ignore[method-assign]
        faults.plan([Fault("delay_before", delay_s=60)])
        first = asyncio.create_task(create(box))
        await taken.wait()
        with pytest.raises(stripe.APIError) as caught:
            await create(box)
        assert caught.value.http_status == 409
        assert caught.value.error is not None
        assert caught.value.error.code == "idempotency_key_in_use"
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert box.machine.state.count("sessions") == 0


async def test_delay_after_the_effect_is_a_time_out_with_an_unknown_outcome() -> None:
    async with sandbox() as box:
        box.app[FAULTS].plan([Fault("delay_after", delay_s=60)])
        impatient = stripe.StripeClient(
            "sk_test_x",
            http_client=stripe.AIOHTTPClient(session=box.http, timeout=aiohttp.ClientTimeout(total=0.3)),
            base_addresses={"api": box.url},
            max_network_retries=0,
        )
        with pytest.raises(stripe.APIConnectionError):
            await impatient.v1.checkout.sessions.create_async(session_body(), {"idempotency_key": "k1"})  # type: ignore[arg-type]
        assert (await create(box)).id == box.machine.state.rows("sessions")[0]["id"]


def test_forms_with_nested_brackets() -> None:
    pairs = [("a[b][0][c]", "1"), ("a[b][1][c]", "2"), ("expand[]", "x"), ("expand[]", "y"), ("z", "")]
    assert decode(pairs) == {"a": {"b": [{"c": "1"}, {"c": "2"}]}, "expand": ["x", "y"], "z": ""}


@pytest.mark.parametrize(
    "pairs", [[("a", "1"), ("a[b]", "2")], [("a[b]", "1"), ("a", "2")], [("[x]", "1")], [("a[[b]", "1")]]
)
async def test_forms_that_make_no_sense_are_refused(pairs: list[tuple[str, str]]) -> None:
    async with sandbox() as box, box.http.post(f"{box.url}/v1/refunds", data=pairs, headers=KEY) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"
