"""Breaks in the browser: found, read, worked on, corrected by two people."""

import csv
import io
import re
from itertools import pairwise

import pytest

from ops.scheduling.booking_jobs import book_approved_corrections
from tests.harness.books.console import DAY, SCRIPT, ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient
from vocabulary.clock import SystemClock


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


@pytest.fixture(scope="module")
def jonas(site: ConsoleSite) -> PageClient:
    return site.browser_of("jonas")


def ids_in(text: str) -> list[str]:
    return re.findall(r'href="/breaks/(brk-\w+)"', text)


def test_the_list_begins_with_its_answer_and_the_largest_difference(maria: PageClient) -> None:
    page = maria.get("/breaks")

    assert page.status == 200
    assert "14 breaks are not closed, the largest difference first." in page.shown()
    assert "showing 14 of 14" in page.shown()
    amounts = re.findall(r"([+−]\d+\.\d\d)</span> EUR", page.text)
    assert amounts[0] == "+1.20"
    sizes = [float(text.replace("−", "-").lstrip("+")) for text in amounts]
    assert all(abs(first) >= abs(second) for first, second in pairwise(sizes))


def test_filters_and_the_csv_select_the_same_breaks(maria: PageClient) -> None:
    query = f"?provider=lottery&kind=payout_mismatch&day={DAY}&q=r1&sort=age"
    page, file = maria.get(f"/breaks{query}"), maria.get(f"/breaks.csv{query}")
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))

    assert [row["break"] for row in rows] == ids_in(page.text)
    assert sorted(row["round"] for row in rows) == ["r1", "r10", "r11"]
    assert rows[0]["difference"] == "0.20"
    assert file.headers["Content-Disposition"] == 'attachment; filename="breaks.csv"'
    assert "No break fits these filters." in maria.get("/breaks?player=nobody").shown()


@pytest.mark.parametrize(
    "query",
    [
        *("kind=nonsense", "day=yesterday", "after=xyz", "state=open,lost", "sort=colour"),
        *("age=3651", "age=0010009999999999", "under=0", f"under={'9' * 200}"),
    ],
)
def test_a_filter_that_cannot_be_read_says_what_is_expected(
    maria: PageClient, query: str
) -> None:
    reply = maria.get(f"/breaks?{query}")

    assert reply.status == 400
    assert "expected" in reply.shown()
    assert reply.headers["X-Error-Id"] in reply.text


def test_one_break_shows_both_sides_every_source_and_its_bytes(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r3")
    page = maria.get(f"/breaks/{break_id}")
    by_start = maria.get(f"/breaks/{break_id[:10]}")

    assert page.status == by_start.status == 200
    assert '<tr class="marked"><th scope="row">payout' in page.text
    assert "0.00" in page.shown()
    assert "0.40" in page.shown()
    assert "callback" in page.shown()
    assert "raw bytes" in page.shown()
    assert re.search(r'<rect class="point callback" x="\d+" y="\d+"', page.text)
    for lane in ("callbacks", "our reply", "their record"):
        assert f">{lane}</text>" in page.text
    assert "we owe the player 0.40 EUR" in page.shown()


def test_unknown_ids_say_what_was_searched(maria: PageClient) -> None:
    for path, what in (
        ("/breaks/brk-ffffffffff", "break “brk-ffffffffff”"),
        ("/runs/run-ffffffffff", "run “run-ffffffffff”"),
        ("/days/nobody/2026-06-04", "provider “nobody”"),
    ):
        reply = maria.get(path)
        assert reply.status == 404
        assert f"Searched for the {what}" in reply.shown()
    assert "Nothing is called “zzzz”" in maria.get("/find?q=zzzz").shown()


def test_one_exact_hit_opens_and_several_are_listed(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r2")

    assert maria.get(f"/find?q={break_id}").location == f"/breaks/{break_id}"
    assert maria.get("/find?q=ann").location == "/players/ann"
    listed = maria.get(f"/find?q=0.40+EUR&day={DAY}")
    assert listed.status == 200
    assert "1 break" in listed.shown()
    assert "2 record hits" in listed.shown()
    run = re.search(r"/runs/(run-\w+)", maria.get(f"/breaks/{break_id}").text)
    assert run is not None
    assert "no row of either side was lost" in maria.get(f"/runs/{run[1]}").shown()


def test_a_break_is_commented_assigned_explained_and_reopened(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r4")
    page = f"/breaks/{break_id}"

    for action, fields in (
        ("comment", {"text": f"asked them {SCRIPT}"}),
        ("assign", {"to": "jonas"}),
        ("explain", {"reason": "they restate it"}),
        ("reopen", {"reason": "they did not"}),
        ("wait", {"reason": "asked again"}),
    ):
        reply = maria.submit(page, f"{page}/{action}", **fields)
        assert (reply.status, reply.location) == (303, f"{page}?done=saved"), reply.shown()

    shown = maria.get(page).shown()
    assert "they restate it" in shown
    assert f"asked them {SCRIPT}" in shown
    audited = console_books.rows(
        "SELECT actor, action, person_id IS NOT NULL FROM audit"
        f" WHERE subject = '{break_id}' AND actor <> 'reconcile' ORDER BY audit_id"
    )
    assert audited == [
        ("maria", f"break.{name}", True)
        for name in ("commented", "assigned", "explained", "reopened", "waiting")
    ]


def test_a_correction_takes_two_people_and_is_booked_by_the_scheduler(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r5")
    page = f"/breaks/{break_id}"
    balance = console_books.rows("SELECT balance FROM wallets")

    proposed = maria.submit(page, f"{page}/propose", reason="their line is right")
    own = maria.get(page)
    token, version = own.field("form_token"), own.field("version")
    alone = maria.post(f"{page}/approve", {"form_token": token, "version": version})
    approved = jonas.submit(page, f"{page}/approve")

    assert (proposed.status, approved.status) == (303, 303)
    assert f"/breaks/{break_id}/approve" not in own.text
    assert alone.status == 422
    assert "another person decides" in alone.shown()
    assert console_books.state_of(break_id) == "approved"
    assert console_books.rows("SELECT balance FROM wallets") == balance
    engine = console_books.books.engine
    assert book_approved_corrections(engine, SystemClock()) == 1
    assert book_approved_corrections(engine, SystemClock()) == 0
    assert console_books.state_of(break_id) == "posted"
    (((before,),), ((after,),)) = balance, console_books.rows("SELECT balance FROM wallets")
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert after - before == 60
    assert console_books.rows(
        f"SELECT proposed_by, decided_by, state FROM adjustments WHERE break_id = '{break_id}'"
    ) == [("maria", "jonas", "posted")]


def test_a_proposal_is_rejected_for_a_reason(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r6")
    page = f"/breaks/{break_id}"
    maria.submit(page, f"{page}/propose", reason="perhaps")

    bare = jonas.submit(page, f"{page}/reject", reason="  ")
    rejected = jonas.submit(page, f"{page}/reject", reason="wait for their file")

    assert (bare.status, rejected.status) == (400, 303)
    assert console_books.state_of(break_id) == "open"


def test_a_form_that_is_stale_does_nothing_and_shows_both_versions(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r7")
    page = f"/breaks/{break_id}"
    opened = maria.get(page)
    jonas.submit(page, f"{page}/assign", to="erin")
    fields = {name: opened.field(name) for name in ("form_token", "version", "seen")}

    for action in ("explain", "propose"):
        stale = maria.post(f"{page}/{action}", {**fields, "reason": "my reason"})
        assert stale.status == 409
        assert "What you saw open, assigned to nobody." in stale.shown()
        assert "What it is now assigned, assigned to erin." in stale.shown()
        assert "my reason" in stale.shown()
    assert console_books.state_of(break_id) == "assigned"


def test_what_a_provider_wrote_is_shown_and_never_run(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of(f"r{SCRIPT}")
    pages = [
        maria.get(path)
        for path in (
            f"/breaks/{break_id}",
            "/breaks?state=all",
            f"/days/lottery/{DAY}",
            "/find?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            "/breaks?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            "/breaks/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            '/breaks?player="><script>alert(1)</script>'.replace(" ", "+"),
        )
    ]

    for page in pages:
        assert page.status in {200, 400, 404}
        assert SCRIPT not in page.text
    assert SCRIPT in pages[0].shown()
    file = maria.get("/breaks.csv?state=all")
    assert file.headers["Content-Type"].startswith("text/csv")
    assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_a_form_that_is_too_long_or_none_is_a_page_with_an_id(maria: PageClient) -> None:
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    replies = [
        maria.post("/logout", {"form_token": "x" * 100_000}),
        maria.post("/logout", {f"field{number}": "" for number in range(1_100)}),
        maria.send("POST", "/logout", body="--y", headers=multipart),
    ]

    assert [reply.status for reply in replies] == [413, 413, 400]
    for reply in replies:
        assert reply.headers["X-Error-Id"] in reply.text
        assert "Nothing was done" in reply.shown()
