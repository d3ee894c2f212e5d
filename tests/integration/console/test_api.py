"""The API: what pages show and do, as JSON, with versions, repeats and problems."""

import json
import threading
from base64 import b64decode, b64encode
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from console.api.models.breaks import BreakListQuery
from console.pages.breaks.selection import FIELDS
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, Reply

DAY_PATH = f"/days/lottery/{DAY}"


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> ApiClient:
    return ApiClient(site.port, token_for(site, "maria"))


@pytest.fixture(scope="module")
def jonas(site: ConsoleSite) -> ApiClient:
    return ApiClient(site.port, token_for(site, "jonas"))


def check_problem(reply: Reply, status: int, words: str = "") -> dict[str, Any]:
    """The problem that an answer is."""
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json_of(reply)
    assert problem["status"] == status
    assert problem["error_id"] == reply.headers["X-Error-Id"]
    assert words in problem["detail"]
    return problem


def test_breaks_are_listed_in_pages_that_do_not_overlap(maria: ApiClient) -> None:
    whole = json_of(maria.get("/breaks"))
    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = json_of(maria.get(f"/breaks?limit=5{cursor and f'&after={cursor}'}"))
        pages.append([item["id"] for item in page["items"]])
        cursor = page["next"]

    assert whole["total"] == 14
    assert [len(page) for page in pages] == [5, 5, 4]
    assert [name for page in pages for name in page] == [item["id"] for item in whole["items"]]
    sizes = [abs(item["difference"]["minor"]) for item in whole["items"]]
    assert all(first >= second for first, second in pairwise(sizes))
    assert whole["items"][0]["difference"] == {"minor": 120, "currency": "EUR", "exponent": 2}


def test_no_amount_is_a_float(maria: ApiClient, console_books: ConsoleBooks) -> None:
    def floats(value: object) -> list[float]:
        if isinstance(value, dict):
            return [each for inner in value.values() for each in floats(inner)]
        if isinstance(value, list):
            return [each for inner in value for each in floats(inner)]
        return [value] if isinstance(value, float) else []

    break_id = console_books.break_of("r3")
    (run,) = json_of(maria.get("/runs"))["items"]
    for path in (f"/breaks/{break_id}", DAY_PATH, "/today", f"/runs/{run['run_id']}"):
        assert floats(json_of(maria.get(path))) == [], path


def test_one_break_has_the_fields_of_the_command_line(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r3")
    shown = json_of(maria.get(f"/breaks/{break_id}"))
    printed = json.loads(console_books.run("breaks", "show", break_id, "--json", by="maria"))
    sources = json_of(maria.get(f"/breaks/{break_id}/sources?bytes=true"))["items"]

    missing = set(printed) - set(shown)
    assert missing == {"sources", "next"}
    assert {shown[name] == printed[name] for name in ("id", "kind", "state", "round_key")} == {
        True
    }
    assert shown["ours"]["payout"] == {"minor": 0, "currency": "EUR", "exponent": 2}
    assert shown["theirs"]["payout"]["minor"] == 40
    assert shown["suggested"] == [
        {"amount": {"minor": 40, "currency": "EUR", "exponent": 2}, "side": "payout"}
    ]
    assert {source["source"] for source in sources} >= {"callback", "history"}
    assert any(source["received"] for source in sources)


def test_days_have_the_fields_of_the_command_line(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    shown = json_of(maria.get(DAY_PATH))
    printed = json.loads(
        console_books.run("day", "show", DAY, "--provider", "lottery", "--json", by="maria")
    )
    listed = json_of(maria.get(f"/days?after={DAY}&days=1"))

    assert set(printed) <= set(shown)
    assert shown["window"] == printed["window"]
    assert set(printed["figures"]) == set(shown["figures"])
    assert [item["day"] for item in listed["items"]] == [DAY]
    assert listed["next"] == "2026-06-03"
    month = json_of(maria.get("/calendar?month=2026-06"))
    assert month["providers"]["lottery"][3]["breaks"] == 14
    assert json_of(maria.get(f"/today?day={DAY}"))["waiting"]["open"] == 14


def test_the_rest_is_read_too(maria: ApiClient, console_books: ConsoleBooks) -> None:
    break_id = console_books.break_of("r2")
    me, people = json_of(maria.get("/me")), json_of(maria.get("/people"))
    found = json_of(maria.get(f"/find?q={break_id}"))

    assert (me["name"], me["authenticated_by"]) == ("maria", "token")
    assert "sign_days" in me["scopes"]
    assert "manage_people" not in me["scopes"]
    assert "jonas" in {person["name"] for person in people["items"]}
    assert [hit["id"] for hit in found["hits"]] == [break_id]
    assert maria.get("/runs?provider=lottery&limit=1").status == 200


def test_a_correction_takes_two_people_and_shows_its_trial(
    maria: ApiClient, jonas: ApiClient, console_books: ConsoleBooks
) -> None:
    thing = f"/breaks/{console_books.break_of('r5')}"
    proposed = maria.act(f"{thing}/propose", {"reason": "their line is right"}, of=thing)
    alone = maria.act(f"{thing}/approve", of=thing)
    approved = jonas.act(f"{thing}/approve", of=thing)

    assert proposed.status == 200, proposed.text
    trial = json_of(proposed)["trial"]
    assert (trial["found"], trial["cured"]) == (True, True)
    assert [each["amount"]["minor"] for each in trial["entries"]][:2] == [60, -60]
    check_problem(alone, 422, "another person decides")
    assert json_of(approved)["state"] == "approved"
    assert json_of(approved)["adjustments"][0]["decided_by"] == "jonas"


def test_every_other_action_of_a_break_works(
    maria: ApiClient, jonas: ApiClient, console_books: ConsoleBooks
) -> None:
    thing = f"/breaks/{console_books.break_of('r4')}"
    states = []
    for client, action, body in (
        (maria, "comment", {"text": "asked them"}),
        (maria, "assign", {"to": "jonas"}),
        (maria, "explain", {"reason": "they restate it"}),
        (maria, "reopen", {"reason": "they did not"}),
        (maria, "wait", {"reason": "asked again"}),
        (maria, "propose", {"reason": "theirs"}),
        (jonas, "reject", {"reason": "not yet"}),
    ):
        reply = client.act(f"{thing}/{action}", body, of=thing)
        assert reply.status == 200, (action, reply.text)
        states.append(json_of(reply)["state"])

    assert states == [
        *("open", "assigned", "explained", "open", "waiting", "adjustment_proposed", "open")
    ]
    assert [note["body"] for note in json_of(maria.get(thing))["notes"]] == ["asked them"]


def test_a_stale_or_missing_version_does_nothing(
    maria: ApiClient, jonas: ApiClient, console_books: ConsoleBooks
) -> None:
    thing = f"/breaks/{console_books.break_of('r7')}"
    seen = maria.get(thing).headers["ETag"]
    jonas.act(f"{thing}/comment", {"text": "a comment is no other version"})
    first = maria.act(f"{thing}/assign", {"to": "erin"}, headers={"If-Match": seen})
    stale = maria.act(f"{thing}/explain", {"reason": "x"}, headers={"If-Match": seen})
    weak = maria.act(f"{thing}/explain", {"reason": "x"}, headers={"If-Match": f"W/{seen}"})
    missing = maria.act(f"{thing}/explain", {"reason": "x"})

    assert first.status == 200, first.text
    check_problem(stale, 412, "It changed since you read it")
    check_problem(weak, 412)
    check_problem(missing, 428, "If-Match")
    assert console_books.state_of(thing.rpartition("/")[2]) == "assigned"


def test_an_answer_that_did_not_change_is_not_sent_again(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    thing = f"/breaks/{console_books.break_of('r8')}"
    first = maria.get(thing)
    again = maria.get(thing, If_None_Match=f'"other", W/{first.headers["ETag"]}')
    maria.act(f"{thing}/comment", {"text": "something new"})
    changed = maria.get(thing, If_None_Match=first.headers["ETag"])

    assert (again.status, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert changed.status == 200


def test_a_repeated_key_acts_once(maria: ApiClient, console_books: ConsoleBooks) -> None:
    break_id = console_books.break_of("r9")
    thing, key = f"/breaks/{break_id}", {"Idempotency-Key": "pay-day-1"}
    first = maria.act(f"{thing}/comment", {"text": "once"}, headers=key)
    again = maria.act(f"{thing}/comment", {"text": "once"}, headers=key)
    other = maria.act(f"{thing}/comment", {"text": "twice"}, headers=key)

    assert (first.status, again.status) == (200, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
    check_problem(other, 422, "used for another request")
    assert [note["body"] for note in json_of(first)["notes"]] == ["once"]
    assert console_books.rows(
        f"SELECT count(*) FROM break_notes WHERE break_id = '{break_id}'"
    ) == [(1,)]


def test_a_refused_request_frees_its_key(maria: ApiClient, console_books: ConsoleBooks) -> None:
    thing = f"/breaks/{console_books.break_of('r9')}"
    key = {"Idempotency-Key": "refused-first"}
    refused = maria.act(f"{thing}/reject", {"reason": "nothing"}, of=thing, headers=key)
    accepted = maria.act(f"{thing}/comment", {"text": "then"}, headers=key)

    check_problem(refused, 422, "nothing is proposed")
    assert accepted.status == 200


def test_repeats_at_one_moment_act_once(maria: ApiClient, console_books: ConsoleBooks) -> None:
    break_id = console_books.break_of("r10")
    replies: list[Reply] = []

    def send() -> None:
        headers = {"Idempotency-Key": "at-one-moment"}
        replies.append(
            maria.act(f"/breaks/{break_id}/comment", {"text": "one"}, headers=headers)
        )

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {reply.status for reply in replies} <= {200, 409}
    assert any(reply.status == 200 for reply in replies)
    assert console_books.rows(
        f"SELECT count(*) FROM break_notes WHERE break_id = '{break_id}'"
    ) == [(1,)]


def test_a_process_that_died_has_acted_once_or_not_at_all(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r10")
    path, key = f"/breaks/{break_id}/comment", {"Idempotency-Key": "died"}
    count = f"SELECT count(*) FROM break_notes WHERE break_id = '{break_id}'"
    ((before,),) = console_books.rows(count)
    maria.act(path, {"text": "done"}, headers=key)

    def leave(sql: str) -> Reply:
        """What is left of the key if the process died, and the answer to a repeat."""
        with console_books.books.engine.begin() as connection:
            connection.execute(text(f"UPDATE api_requests SET {sql} WHERE key = 'died'"))
        return maria.act(path, {"text": "done"}, headers=key)

    lost = leave("status = NULL, answer = NULL, etag = NULL")
    after_lost = console_books.rows(count)
    in_flight = leave("performed_at = NULL")
    abandoned = leave("started_at = started_at - interval '5 minutes'")

    assert isinstance(before, int)
    assert (lost.status, lost.headers["Idempotency-Replayed"]) == (200, "true")
    assert after_lost == [(before + 1,)]
    check_problem(in_flight, 409, "is being performed")
    assert abandoned.status == 200
    assert "Idempotency-Replayed" not in abandoned.headers
    assert console_books.rows(count) == [(before + 2,)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/breaks?kind=nonsense", 400),
        ("/breaks?provder=lottery", 400),
        ("/breaks?limit=201", 400),
        ("/breaks?after=xyz", 400),
        ("/breaks?state=open&state=closed", 400),
        ("/breaks?q=%00", 400),
        ("/breaks?provider=nobody", 404),
        ("/breaks/brk-ffffffffff", 404),
        ("/breaks/%00", 404),
        ("/breaks/%ff", 404),
        ("/runs/run-none", 404),
        ("/tokens/tok-none", 404),
        ("/days/nobody/2026-06-04", 404),
        ("/days/lottery/2026-02-30", 400),
        ("/days/lottery/9999-12-31", 400),
        ("/find", 400),
        ("/nothing", 404),
    ],
)
def test_what_cannot_be_read_is_a_problem(maria: ApiClient, path: str, status: int) -> None:
    check_problem(maria.get(path), status)


def test_bodies_and_methods_that_do_not_fit_are_problems(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    thing = f"/breaks/{console_books.break_of('r1')}"
    path = f"{thing}/comment"
    typed = {"Content-Type": "application/json"}

    check_problem(maria.send("POST", path, body="text=x"), 415)
    check_problem(maria.send("POST", path, body="{", headers=typed), 400)
    check_problem(maria.send("POST", path, body='{"text": "' + "x" * 70_000 + '"}'), 413)
    blank = check_problem(maria.act(path, {"text": "  "}), 400)
    assert blank["errors"][0]["place"] == "text"
    check_problem(maria.act(path, {"text": "x", "by": "jonas"}), 400)
    check_problem(maria.act(path, {"text": "a\0b"}), 400)
    check_problem(maria.send("POST", path, body='{"text": "\\ud800"}', headers=typed), 400)
    check_problem(maria.act(path, {"text": "x"}, headers={"Idempotency-Key": "x" * 256}), 400)
    wrong = maria.send("DELETE", thing)
    check_problem(wrong, 405)
    assert wrong.headers["Allow"] == "GET, HEAD, OPTIONS"
    options = maria.send("OPTIONS", path)
    assert (options.status, options.headers["Allow"]) == (204, "POST, OPTIONS")
    head = maria.send("HEAD", thing)
    assert (head.status, head.content) == (200, b"")
    assert head.headers["ETag"] == maria.get(thing).headers["ETag"]


def test_a_day_is_prepared_by_one_person_signed_by_another_and_reopened(
    maria: ApiClient, jonas: ApiClient, console_books: ConsoleBooks
) -> None:
    console_books.run(
        *("day", "close", DAY, "--provider", "lottery", "--reason", "no feed"), by="maria"
    )
    seen = maria.get(DAY_PATH)
    why = {"reason": "asked them"}
    prepared = maria.act(f"{DAY_PATH}/prepare", why, headers={"If-Match": seen.headers["ETag"]})
    stale = jonas.act(f"{DAY_PATH}/sign", headers={"If-Match": seen.headers["ETag"]})
    alone = maria.act(f"{DAY_PATH}/sign", of=DAY_PATH)
    signed = jonas.act(f"{DAY_PATH}/sign", of=DAY_PATH, headers={"Idempotency-Key": "sign"})
    reopened = maria.act(f"{DAY_PATH}/reopen", {"reason": "restated"}, of=DAY_PATH)

    assert reopened.status == 200, reopened.text
    assert json_of(seen)["actions"] == ["prepare"]
    assert json_of(prepared)["state"] == "prepared"
    check_problem(stale, 412)
    check_problem(alone, 422, "another person signs it")
    assert json_of(signed)["state"] == "signed"
    assert [step["by"] for step in json_of(reopened)["steps"]] == ["maria", "jonas", "maria"]
    assert json_of(reopened)["trail"][-1]["action"] == "day.reopened"


def test_breaks_are_filtered_as_on_the_page(maria: ApiClient) -> None:
    def total(parameters: str) -> int:
        reply = maria.get(f"/breaks?{parameters}")
        assert reply.status == 200, reply.text
        return int(json_of(reply)["total"])

    assert total("currency=EUR&min=1.20&max=1.20") == 1
    assert total("impact=none") + total("impact=player_owed") > 0
    assert total("age=3650") == total("mentioned=me") == total("game=none") == 0
    assert total("overdue=1") <= total("state=all")
    check_problem(maria.get("/breaks?min=1"), 400, "a currency is expected")


def test_the_filters_of_the_page_are_parameters_of_the_list() -> None:
    extra = {"sort", "after", "limit"}

    assert set(BreakListQuery.model_fields) == {*FIELDS, *extra}


def test_a_job_is_requested_once_listed_cancelled_and_requested_again(
    maria: ApiClient,
) -> None:
    body = {"provider": "lottery", "day": DAY}
    key = {"Idempotency-Key": "run-that-day"}
    job = json_of(maria.act("/jobs/day.run", body, headers=key))
    thing = f"/jobs/{job['id']}"
    repeated = maria.act("/jobs/day.run", body, headers=key)
    cancelled = json_of(maria.act(f"{thing}/cancel"))
    again = json_of(maria.act(f"{thing}/again"))
    page = json_of(maria.get("/jobs?limit=1"))

    assert (job["state"], job["kind"], job["arguments"]) == ("queued", "day.run", body)
    assert json_of(repeated)["id"] == job["id"]
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert (cancelled["state"], cancelled["cancelled_by"]) == ("cancelled", "maria")
    assert again["id"] != job["id"]
    assert [item["id"] for item in page["items"]] == [again["id"]]
    older = json_of(maria.get(f"/jobs?after={page['next']}&by=maria"))
    assert [item["id"] for item in older["items"]] == [job["id"]]
    check_problem(maria.act(f"{thing}/cancel"), 422, "cancelled")
    check_problem(maria.get("/jobs/0"), 404, "job")
    check_problem(maria.act("/jobs/day.run", {**body, "provider": "nobody"}), 404, "provider")


def test_a_file_is_sent_with_its_job_and_read_again(maria: ApiClient) -> None:
    content = bytes(range(256)) * 512  # more than other bodies may have
    file = {"name": "june.csv", "content": b64encode(content).decode()}
    job = json_of(maria.act("/jobs/feed.preview", {"provider": "lottery", "file": file}))
    (stored,) = job["files"]
    read = json_of(maria.get(f"/jobs/{job['id']}/files/{stored['id']}"))

    assert (stored["direction"], stored["size"]) == ("in", len(content))
    assert stored["sha256"] == sha256(content).hexdigest()
    assert b64decode(read["content"]) == content
    confirm = {"sha256": stored["sha256"]}
    check_problem(maria.act(f"/jobs/{job['id']}/import", confirm), 412, "no preview that is")
    wrong = {"provider": "lottery", "file": {**file, "content": "===="}}
    check_problem(maria.act("/jobs/feed.preview", wrong), 400)


def test_a_long_body_is_not_read_from_somebody_who_may_not_send_it(
    site: ConsoleSite,
) -> None:
    viewer = ApiClient(site.port, token_for(site, "only viewer"))
    nobody = ApiClient(site.port)
    body = {"provider": "lottery", "file": {"name": "x", "content": "A" * 200_000}}

    assert viewer.act("/jobs/feed.preview", body).status == 403
    assert nobody.act("/jobs/feed.preview", body).status == 401
    assert viewer.act("/jobs/day.run", body).status == 413


def test_many_breaks_are_worked_at_once_if_they_are_as_many_as_expected(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    ids = [item["id"] for item in json_of(maria.get("/breaks?state=open&limit=2"))["items"]]
    chosen = {"action": "wait", "ids": ids, "reason": "they answer tomorrow"}
    other = maria.act("/breaks/bulk", {**chosen, "count": 3})
    count = json_of(maria.get("/breaks?state=open"))["total"]
    unfit = {"filter": {"state": "open"}, "action": "approve", "count": count}
    key = {"Idempotency-Key": "wait-for-both"}
    done = json_of(maria.act("/breaks/bulk", {**chosen, "count": 2}, headers=key))
    repeated = json_of(maria.act("/breaks/bulk", {**chosen, "count": 2}, headers=key))
    groups = json_of(maria.get("/breaks/groups"))

    check_problem(other, 412, "3 breaks were expected, 2 are selected")
    assert maria.act("/breaks/bulk", {"action": "wait", "count": 1}).status == 400
    assert maria.act("/breaks/bulk", unfit).status == 403
    assert sorted(done["done"]) == sorted(ids)
    assert repeated == done
    assert [console_books.state_of(break_id) for break_id in ids] == ["waiting"] * 2
    for group in groups["items"]:
        shown = json_of(maria.get(f"/breaks/groups/{group['id']}?limit=1"))
        assert shown["breaks"] == group["breaks"]
        assert len(shown["items"]) == 1
        assert (shown["next"] is None) == (group["breaks"] == 1)


def test_a_file_is_attached_listed_and_read_again(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    thing = f"/breaks/{console_books.break_of('r3')}"
    file = {"name": "mail.txt", "content": b64encode(b"they agree").decode()}
    attached = json_of(maria.act(f"{thing}/attach", {"file": file}))["notes"][-1]
    read = json_of(maria.get(f"{thing}/files/{attached['id']}"))

    assert attached["size"] == 10
    assert (read["name"], b64decode(read["content"])) == ("mail.txt", b"they agree")
    check_problem(maria.get(f"{thing}/files/0"), 404, "file of the break")


def test_a_list_is_saved_shared_and_removed(maria: ApiClient, jonas: ApiClient) -> None:
    body = {"name": "old ones", "query": "age=3&sort=age", "shared": True}
    (saved,) = json_of(maria.act("/breaks/views", body))["items"]
    (seen,) = json_of(jonas.get("/breaks/views"))["items"]
    wrong = maria.act("/breaks/views", {**body, "query": "age=x"})

    assert (saved["query"], saved["is_own"], seen["is_own"]) == ("age=3&sort=age", True, False)
    check_problem(wrong, 400, "days")
    check_problem(jonas.act(f"/breaks/views/{saved['id']}/remove"), 404, "list of yours")
    assert json_of(maria.act(f"/breaks/views/{saved['id']}/remove"))["items"] == []
