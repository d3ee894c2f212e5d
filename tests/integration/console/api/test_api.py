"""The API: what pages show and do, as JSON, with versions, repeats and problems."""

import json
import threading
from itertools import pairwise

import pytest
from sqlalchemy import text

from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.api import ApiClient, check_problem, jonas, json_of, maria
from tests.harness.servers.console import Reply

__all__ = ["jonas", "maria"]

DAY_PATH = f"/days/lottery/{DAY}"


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
    one = {"breaks": [thing.rpartition("/")[2]], "count": 1}
    check_problem(maria.act("/disputes", {**one, "note": "a\0b"}), 400)
    many = {"action": "comment", "ids": one["breaks"], "count": 1}
    check_problem(maria.act("/breaks/bulk", {**many, "reason": "a\0b"}), 400)
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
