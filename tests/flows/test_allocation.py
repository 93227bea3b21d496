"""Given out by need, over HTTP: from the request by e-mail to the booked appointment, and what everybody can check."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.__main__ import main
from tests.staff import PASSWORD, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

SERVICE = "Wohnsitzanmeldung"
SEED = "4 9 17 23 31 46"
ASKED: dict[str, Any] = {
    "name": "Kim Mustermann",
    "email": "kim@example.org",
    "birth_date": "1990-01-01",
    "deadline": "2026-12-09",
}
RUN: dict[str, Any] = {
    "channel": "onsite",
    "from_day": "2026-12-07",
    "to_day": "2026-12-11",
    "slots": "5",
    "closes_at": "2026-12-02T18:00",
    "seed_source": "Lotto 6 aus 49, Ziehung am 2.12.2026",
    "seed_at": "2026-12-02T19:00",
    "release_by": "2026-12-04T12:00",
}


@pytest.fixture
async def service(town: Town) -> int:
    ident: int = (await town.service(SERVICE))["id"]
    await town.rows("INSERT INTO allocation_service (service_id) VALUES ($1)", ident)
    await town.fresh()
    return ident


@pytest.fixture
async def rosa(town: Town) -> Any:
    async with AsyncExitStack() as stack:
        await hire(town, "rosa", "allocation")
        yield await stack.enter_async_context(await sign_in(town, "rosa"))


async def link_of_mail(town: Town) -> str:
    await town.work()
    [link] = re.findall(rf"{town.origin}(/\S+)", town.mail.messages[-1].part("text/plain") or "")
    return str(link)


async def ask(town: Town, citizen: StaffBrowser, service: int, **changes: Any) -> str:
    """The address of the confirmed request."""
    sent = await citizen.post(f"/de/need/{service}", request_key=str(uuid4()), language="de", **(ASKED | changes))
    assert sent.url.path == "/de/need/sent"
    page = await citizen.get(await link_of_mail(town))
    assert "Ihre Anfrage zählt erst, wenn Sie sie hier bestätigen." in page.text
    confirmed = await citizen.post(f"{page.url.path}/verify")
    assert "Wartet auf die Prüfung des Nachweises" in confirmed.text
    return confirmed.url.path


async def confirm(rosa: StaffBrowser, **fields: Any) -> None:
    work = await rosa.get("/de/allocation/")
    [action] = re.findall(r'action="(/de/allocation/requests/[^"]*)"', work.text)
    assert "Kim Mustermann" in work.text
    refused = await rosa.post(action, decision="confirm", reason="", deadline="2026-12-09")
    assert (refused.status, "Bitte geben Sie an, was Sie gesehen haben" in refused.text) == (422, True)
    done = await rosa.post(
        action, decision="confirm", **({"reason": "Titel gesehen", "deadline": "2026-12-08"} | fields)
    )
    assert done.status == 200


async def test_nobody_overwrites_a_decision_that_they_have_not_seen(
    town: Town, service: int, rosa: StaffBrowser
) -> None:
    async with StaffBrowser(town) as citizen:
        request = await ask(town, citizen, service)
        work = (await rosa.get("/de/allocation/")).text
        [action] = re.findall(r'action="(/de/allocation/requests/[^"]*)"', work)
        both_saw: dict[str, Any] = dict(re.findall(r'type="hidden" name="(seen\w*)" value="([^"]*)"', work))
        typed: dict[str, Any] = {"reason": "Titel gesehen", "deadline": "2026-12-08"}
        assert (await rosa.post(action, decision="confirm", **typed, **both_saw)).status == 200
        late = await rosa.post(action, decision="refuse", reason="Kein Nachweis", **both_saw)
        assert (late.status, "hat inzwischen über diese Anfrage entschieden" in late.text) == (422, True)
        assert 'value="2026-12-08"' in late.text
        assert "Nimmt teil" in (await citizen.get(request)).text
        now_seen: dict[str, Any] = dict(re.findall(r'type="hidden" name="(seen\w*)" value="([^"]*)"', late.text))
        corrected = await rosa.post(action, decision="confirm", **(typed | {"deadline": "2026-12-09"}), **now_seen)
        assert (corrected.status, 'value="2026-12-09"' in corrected.text) == (200, True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"from_day": "2026-12-11", "to_day": "2026-12-07"},
            "Der letzte Tag liegt höchstens zwei Monate nach dem ersten",
        ),
        ({"to_day": "9999-12-31"}, "Der letzte Tag liegt höchstens zwei Monate nach dem ersten"),
        ({"slots": "0"}, "Geben Sie eine Zahl von 1 bis 500 ein"),
        ({"slots": "999999999"}, "Geben Sie eine Zahl von 1 bis 500 ein"),
        ({"seed_source": " "}, "Geben Sie an, woher der Startwert kommt"),
        ({"channel": "video"}, "Diese Leistung wird so nicht angeboten"),
        ({"closes_at": "2026-11-01T08:00"}, "Eine Vergabe schließt in der Zukunft"),
        ({"from_day": "2026-12-06", "to_day": "2026-12-06"}, "In diesen Tagen ist keine Zeit frei"),
    ],
)
async def test_what_is_wrong_with_a_run_is_said_at_its_field_and_the_rest_is_kept(
    town: Town, service: int, rosa: StaffBrowser, wrong: dict[str, str], said: str
) -> None:
    sent = {"service": str(service), "request_key": str(uuid4()), **RUN} | wrong
    page = await rosa.post("/de/allocation/runs", **sent)
    assert page.status == 422
    [shown] = re.findall(r'href="#(\w+)">([^<]*)</a></li>', page.text)
    assert said in shown[1]
    assert f'id="{shown[0]}-error"' in page.text
    assert f'value="{RUN["release_by"]}"' in page.text
    assert f'value="{sent["channel"]}" selected' in page.text
    assert await town.rows("SELECT 1 FROM allocation_run") == []


async def test_from_the_request_to_the_appointment(
    town: Town, service: int, rosa: StaffBrowser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with StaffBrowser(town) as citizen, StaffBrowser(town) as stranger:
        assert (await citizen.get(f"/de/services/{service}")).url.path == f"/de/need/{service}"
        assert (await citizen.get(f"/en/times?service={service}&channel=onsite")).url.path == f"/en/need/{service}"
        request = await ask(town, citizen, service)
        assert (await stranger.get(request)).status == 401
        await confirm(rosa)
        opened = await rosa.post("/de/allocation/runs", service=str(service), request_key=str(uuid4()), **RUN)
        assert "Nimmt Anfragen an" in opened.text
        town.clock.advance(hours=32)  # Wednesday, six in the evening
        await town.work()
        [run] = (await town.good("GET", "/api/allocation/runs"))["runs"]
        assert (run["status"], run["seed"], run["seed_source"]) == ("closed", None, RUN["seed_source"])
        files = f"/api/allocation/runs/{run['id']}"
        listed = await town.good("GET", f"{files}/list")
        assert "Kim" not in listed
        assert (await town.call("GET", f"{files}/result")).status == 404
        assert run["list_sha256"] in (await stranger.get("/de/need/runs")).text
        await rosa.post("/de/staff/sign-in", login="rosa", password=PASSWORD)  # a new day
        seed = f"/de/allocation/runs/{run['id']}/seed"
        looked = await rosa.get(f"{seed}?seed={SEED}")
        assert (looked.status, "Der Startwert kann nicht vor dem Zeitpunkt" in looked.text) == (422, True)
        early = await rosa.post(seed, seed=SEED)
        assert (early.status, "Der Startwert kann nicht vor dem Zeitpunkt" in early.text) == (422, True)
        town.clock.advance(hours=1)
        empty = await rosa.post(seed, seed=" – ")
        assert (empty.status, "Bitte geben Sie den Startwert so ein" in empty.text) == (422, True)
        work = await rosa.get("/de/allocation/")
        assert (
            f'<form class="flow flow--tight" method="get" action="{seed}">' in work.text
        )  # not entered before it was looked at
        looked = await rosa.get(f"{seed}?seed=04, 9 17 23 31 46")
        assert (looked.status, SEED in looked.text, RUN["seed_source"] in looked.text) == (200, True, True)
        [(action, typed)] = re.findall(
            r'action="([^"]*/seed)">\s*<input type="hidden" name="seed" value="([^"]*)"', looked.text
        )
        assert "Geschlossen" in (await rosa.get("/de/allocation/")).text
        assert "Ausgelost, wartet auf die Freigabe" in (await rosa.post(action, seed=typed)).text
        shown = await citizen.get(request)
        assert "Ihre hat Rang 1." in shown.text
        [number] = re.findall(r"<bdi>([0-9A-Z]{12})</bdi>", shown.text)
        for name in ("list", "result"):
            (tmp_path / name).write_text(await town.good("GET", f"{files}/{name}"))
        given = ["--seed", SEED, "--id", number, "--hash", run["list_sha256"], "--deadline", "2026-12-08"]
        assert main(["verify-rank", str(tmp_path / "list"), str(tmp_path / "result"), *given]) == 0
        assert "Byte für Byte" in capsys.readouterr().out
        assert "Freigegeben" in (await rosa.post(f"/de/allocation/runs/{run['id']}/release")).text
        case = await citizen.get(await link_of_mail(town))
        assert town.mails()[-1][1].startswith("Bitte bis 4. Dezember 2026, 19:00 Uhr buchen")
        paid = await citizen.post(f"{case.url.path}/pay", request_key=str(uuid4()))
        assert "Ihr Termin ist bestätigt" in paid.text
        assert await town.rows("SELECT status, count(*)::int AS n FROM claim WHERE kind = 0 GROUP BY 1 ORDER BY 1") == [
            {"status": 2, "n": 1},
            {"status": 9, "n": 4},
        ]
        await town.assert_sound()


async def test_a_mistyped_seed_is_set_right_on_the_page_by_a_second_person(
    town: Town, service: int, rosa: StaffBrowser
) -> None:
    await rosa.post("/de/allocation/runs", service=str(service), request_key=str(uuid4()), **RUN)
    town.clock.advance(hours=32)
    await town.work()
    town.clock.advance(hours=1)
    await rosa.post("/de/staff/sign-in", login="rosa", password=PASSWORD)
    [run] = (await town.good("GET", "/api/allocation/runs"))["runs"]
    here = f"/de/allocation/runs/{run['id']}/seed"
    own = await rosa.post(here, seed="4 9 17 23 31 64")
    assert "Sie haben diesen Startwert eingetragen" in own.text
    assert "set-right" not in own.text
    assert "/give-up" not in own.text
    await hire(town, "karl", "allocation")
    async with await sign_in(town, "karl") as karl:
        work = (await karl.get("/de/allocation/")).text
        [was] = re.findall(r'name="was" value="([^"]*)"', work)
        assert f'method="get" action="{here}"' in work
        assert "/give-up" in work
        sent = {"was": was, "seed": SEED, "because": "Zahlendreher in der letzten Zahl"}
        query = "&".join(f"{name}={value}" for name, value in sent.items())
        unsaid = await karl.get(f"{here}?was={was}&seed={SEED}")
        assert (unsaid.status, "Bitte geben Sie an, warum der eingetragene Startwert falsch ist" in unsaid.text) == (
            422,
            True,
        )
        assert f'value="{SEED}"' in unsaid.text  # nothing typed is lost
        looked = await karl.get(f"{here}?{query}")
        assert (looked.status, "Zahlendreher" in looked.text, RUN["seed_source"] in looked.text) == (200, True, True)
        assert (await rosa.get(f"{here}?{query}")).status == 422  # not by who has entered it
        fields = dict(re.findall(r'type="hidden" name="(was|seed|because)" value="([^"]*)"', looked.text))
        assert fields == sent
        done = await karl.post(f"{here}/set-right", **fields)
        assert (done.status, "von Rosa" in done.text, "von Karl" in done.text) == (200, True, True)
    async with StaffBrowser(town) as anybody:
        public = (await anybody.get("/de/need/runs")).text
        for said in (SEED, was, sent["because"], "von einer zweiten Person"):
            assert said in public
        assert "Rosa" not in public
    [run] = (await town.good("GET", "/api/allocation/runs"))["runs"]
    assert run["seed"] == SEED
    assert [(one["seed"], one["because"]) for one in run["former_seeds"]] == [(was, sent["because"])]


async def test_a_plain_hold_says_where_to_go(town: Town, service: int) -> None:
    [slot] = (await town.good("GET", "/api/slots/next", params={"service": service, "channel": "onsite", "limit": 1}))[
        "slots"
    ]
    wanted = {"service": service, "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    answer = await town.call("POST", "/api/holds", key=str(uuid4()), json=wanted)
    assert (answer.status, answer.body["code"]) == (409, "given_out_by_need")


async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(town: Town, service: int) -> None:
    async with StaffBrowser(town) as citizen:
        wrong: dict[str, Any] = {"birth_date": "2999-01-01", "deadline": "soon", "email": "", "reason": "My job begins"}
        page = await citizen.post(
            f"/en/need/{service}", request_key=str(uuid4()), language="en", **(ASKED | wrong), time="morning"
        )
        assert page.status == 422
        wrong_from_top_to_bottom = (
            "Enter your date of birth",
            "Enter an e-mail address",
            "Enter the deadline as a date",
        )
        places = [page.text.find(said) for said in wrong_from_top_to_bottom]
        assert places == sorted(places)
        assert -1 not in places
        assert "My job begins" in page.text
        assert re.search(r'value="morning" checked', page.text)
        assert (await citizen.get("/en/need/4711")).status == 404


async def test_over_the_api(town: Town, service: int) -> None:
    window = {"days": [1, 2], "from_time": "08:00", "to_time": "12:00"}
    given = {"service": service, "contact": KIM, "birth_date": "1990-01-01", "offices": [1], "windows": [window]}
    key = str(uuid4())
    made = await town.good("POST", "/api/allocation/requests", key=key, json=given)
    assert await town.good("POST", "/api/allocation/requests", key=key, json=given) == made
    backwards = await town.call(
        "POST",
        "/api/allocation/requests",
        key=str(uuid4()),
        json={**given, "windows": [{**window, "to_time": "07:00"}]},
    )
    assert (backwards.status, backwards.body["errors"][0]["code"]) == (422, "window")
    nobodys = await town.call(
        "POST",
        "/api/allocation/requests",
        key=str(uuid4()),
        json={**given, "contact": {**KIM, "email": None, "mobile": "0151 23456789"}},
    )
    assert (nobodys.status, nobodys.body["code"]) == (422, "email_needed")
    eleven = await town.call(
        "POST", "/api/allocation/requests", key=str(uuid4()), json={**given, "windows": [window] * 11}
    )
    assert (eleven.status, eleven.body["code"]) == (422, "too_many_windows")
    token = (await link_of_mail(town)).rsplit("/", 1)[1]
    here = f"/api/allocation/requests/{made['id']}"
    assert (await town.call("GET", here)).status == 401
    assert (await town.good("GET", here, token))["status"] == "unverified"
    assert (await town.good("POST", f"{here}/verify", token))["status"] == "asked"
    assert (await town.good("POST", f"{here}/withdraw", token))["status"] == "withdrawn"
    assert (await town.call("POST", f"{here}/verify", token)).body["code"] == "not_asking"


async def test_who_may_only_check_opens_no_run(town: Town, service: int) -> None:
    await town.rows("INSERT INTO role (name, permissions) VALUES ('checker', '{allocation.check}')")
    await hire(town, "udo", "checker")
    async with await sign_in(town, "udo") as udo:
        page = await udo.get("/de/allocation/")
        assert "Vergabe eröffnen" not in page.text
        assert (
            await udo.post("/de/allocation/runs", service=str(service), request_key=str(uuid4()), **RUN)
        ).status == 403


async def test_a_run_out_of_order_and_one_given_up(town: Town, service: int, rosa: StaffBrowser) -> None:
    wrong = await rosa.post(
        "/de/allocation/runs", service=str(service), request_key=str(uuid4()), **(RUN | {"seed_at": "2026-12-02T17:00"})
    )
    assert (wrong.status, 'value="2026-12-02T17:00"' in wrong.text) == (422, True)
    empty = await rosa.post(
        "/de/allocation/runs", service=str(service), request_key=str(uuid4()), **(RUN | {"slots": ""})
    )
    assert (empty.status, "Geben Sie eine Zahl von 1 bis 500 ein" in empty.text) == (422, True)
    opened = await rosa.post("/de/allocation/runs", service=str(service), request_key=str(uuid4()), **RUN)
    [give_up] = re.findall(r'action="([^"]*/give-up)"', opened.text)
    assert "Wasserschaden" in (await rosa.post(give_up, because="Wasserschaden")).text
    async with StaffBrowser(town) as stranger:
        assert "Wasserschaden" in (await stranger.get("/de/need/runs")).text


async def test_a_corrected_deadline_is_not_lost_by_a_missing_reason(
    town: Town, service: int, rosa: StaffBrowser
) -> None:
    async with StaffBrowser(town) as anna:
        await ask(town, anna, service)
    [row] = await town.rows("SELECT id, public_id FROM allocation_request")
    here = f"/de/allocation/requests/{row['id']}/check"
    page = await rosa.post(here, decision="confirm", deadline="2026-12-24", reason=" ")
    assert page.status == 422
    assert f'id="deadline-{row["public_id"]}" name="deadline" type="date" value="2026-12-24"' in page.text
    assert f'href="#reason-{row["public_id"]}"' in page.text
    wrong = await rosa.post(here, decision="confirm", deadline="0206-12-24", reason="Gesehen")
    assert (wrong.status, "Bitte prüfen Sie das Jahr" in wrong.text, 'value="Gesehen"' in wrong.text) == (
        422,
        True,
        True,
    )
    for words in ("Ihrer Anfrage", "Ihre Frist"):  # clerks are not spoken to as applicants
        assert words not in page.text


async def test_a_deadline_of_another_century_is_a_slip_of_the_keys(town: Town, service: int) -> None:
    asked = {"service": service, "contact": KIM, "birth_date": "1990-01-01", "deadline": "9999-12-31"}
    answer = await town.call("POST", "/api/allocation/requests", key=str(uuid4()), json=asked)
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/deadline")
    async with StaffBrowser(town) as anna:
        page = await anna.post(f"/de/need/{service}", request_key=str(uuid4()), **(ASKED | {"deadline": "0206-12-10"}))
        assert (page.status, 'value="0206-12-10"' in page.text, 'href="#deadline"' in page.text) == (422, True, True)


async def test_a_run_over_the_api(town: Town, service: int, rosa: StaffBrowser) -> None:
    async with StaffBrowser(town) as citizen:
        await ask(town, citizen, service)

    async def call(method: str, path: str, given: dict[str, Any] | None = None, key: str = "") -> tuple[int, Any]:
        headers = {"Origin": town.origin, "Idempotency-Key": key or str(uuid4())}
        async with rosa.http.request(
            method, f"{town.origin}/api/allocation{path}", json=given, headers=headers
        ) as done:
            return done.status, await done.json()

    _status, listed = await call("GET", "/requests")
    [found] = listed["requests"]
    assert (found["documents"], found["request"]["claimed_deadline"], "contact" in found) == ([], "2026-12-09", False)
    check = f"/requests/{found['request']['id']}/check"
    seen = {"is_confirmed": True, "deadline": "2026-12-08", "reason": "Titel gesehen"}
    assert (await call("POST", check, seen | {"reason": " "}))[1]["code"] == "reason_needed"
    assert (await call("POST", check, seen))[1]["deadline"] == "2026-12-08"
    plan: dict[str, Any] = {
        "service": service,
        **{name: RUN[name] for name in ("channel", "from_day", "to_day", "seed_source")},
        "slots": 2,
        **{name: f"{RUN[name]}:00+01:00" for name in ("closes_at", "seed_at", "release_by")},
    }
    assert (await call("POST", "/runs", plan | {"to_day": "2027-12-11"}))[1]["errors"][0]["code"] == "days"
    assert (await call("POST", "/runs", plan | {"to_day": "9999-12-31", "from_day": "9999-12-01"}))[0] == 422
    late = plan | {"release_by": "9999-12-31T23:59:59-12:00"}
    assert (await call("POST", "/runs", late))[1]["code"] == "run_out_of_order"
    key = str(uuid4())
    status, run = await call("POST", "/runs", plan, key)
    assert (status, run["status"]) == (201, "open")
    assert (await call("POST", "/runs", plan, key))[1] == run
    assert (await call("POST", "/runs", plan))[1]["code"] == "run_goes_on"
    here = f"/runs/{run['id']}"
    town.clock.advance(hours=32)
    await town.work()
    await rosa.post("/de/staff/sign-in", login="rosa", password=PASSWORD)  # a new day
    assert (await call("POST", f"{here}/seed", {"seed": SEED}))[1]["code"] == "seed_too_early"
    town.clock.advance(hours=1)
    assert (await call("POST", f"{here}/seed", {"seed": f"0{SEED}"}))[1]["seed"] == SEED
    assert (await call("POST", f"{here}/seed", {"seed": "1 2 3"}))[1]["code"] == "run_not_now"
    assert (await call("POST", f"{here}/give-up", {"because": "Another result, please"}))[1][
        "code"
    ] == "seed_by_another"
    right = {"was": SEED, "seed": "1 2 3", "because": "Mistyped"}
    assert (await call("POST", f"{here}/seed/set-right", right))[1]["code"] == "seed_by_another"
    for _twice in range(2):
        assert (await call("POST", f"{here}/release"))[1]["status"] == "released"
    assert (await call("POST", check, seen))[1]["code"] == "not_asking"
    assert await town.rows("SELECT status FROM allocation_request") == [{"status": "placed"}]


async def test_nobodys_mailbox_is_filled_by_others(town: Town, service: int) -> None:
    async def ask_as(name: str, email: str, key: str = "") -> Any:
        given = {
            "service": service,
            "contact": {"name": name, "email": email, "language": "de"},
            "birth_date": "1990-01-01",
        }
        return await town.call("POST", "/api/allocation/requests", key=key or str(uuid4()), json=given)

    key = str(uuid4())
    for n in range(3):
        assert (await ask_as(f"Nobody {n}", f"kim+{n}@example.org", key if n == 0 else "")).status == 201
    often = await ask_as("Nobody 4", "Kim@example.org")
    assert (often.status, often.body["code"]) == (429, "requested_too_often")
    assert (await ask_as("Nobody 0", "kim+0@example.org", key)).status == 201  # the same form again sends nothing
    assert await town.rows("SELECT count(*)::int AS n FROM allocation_request") == [{"n": 3}]
    async with StaffBrowser(town) as citizen:
        page = await citizen.post(f"/de/need/{service}", request_key=str(uuid4()), language="de", **ASKED)
        assert (page.status, 'value="Kim Mustermann"' in page.text, 'href="#email"' in page.text) == (429, True, True)
    town.clock.advance(minutes=21)
    assert (await ask_as("Nobody 4", "Kim@example.org")).status == 201
