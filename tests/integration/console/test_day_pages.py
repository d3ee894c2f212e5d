"""Days in the browser: seen, prepared by one person, signed by another, changed since."""

import csv
import io
import re
from decimal import Decimal
from html import unescape

import pytest

from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient

PAGE = f"/days/lottery/{DAY}"
CLOSE = ("day", "close", DAY, "--provider", "lottery", "--reason", "no feed of it")


@pytest.fixture(scope="module")
def maria(site: ConsoleSite, console_books: ConsoleBooks) -> PageClient:
    console_books.run(*CLOSE, by="maria")
    return site.browser_of("maria")


@pytest.fixture(scope="module")
def jonas(site: ConsoleSite) -> PageClient:
    return site.browser_of("jonas")


def test_a_closed_day_shows_both_sides_and_its_breaks(maria: PageClient) -> None:
    shown = maria.get(PAGE).shown()

    assert (
        "It is closed with 14 open breaks. One person prepares it, another signs it." in shown
    )
    assert "unexplained 0.00" in shown
    assert "Prepare lottery 2026-06-04" in shown
    assert "Sign lottery" not in shown


def test_a_day_is_prepared_by_one_person_and_signed_by_another(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    bare = maria.submit(PAGE, f"{PAGE}/prepare")
    prepared = maria.submit(PAGE, f"{PAGE}/prepare", reason="asked them")
    own = maria.get(PAGE)
    fields = {name: own.field(name) for name in ("form_token", "version")}
    alone = maria.post(f"{PAGE}/sign", fields)
    signed = jonas.submit(PAGE, f"{PAGE}/sign")

    assert (bare.status, prepared.status, alone.status, signed.status) == (422, 303, 422, 303)
    assert "reason is expected" in bare.shown()
    assert "Sign lottery" not in own.shown()
    assert "maria prepared it: another person signs it" in alone.shown()
    assert "jonas signed it, and nothing has changed since." in jonas.get(PAGE).shown()
    assert console_books.rows("SELECT action, by_name FROM day_steps ORDER BY number") == [
        ("prepared", "maria"),
        ("signed", "jonas"),
    ]


def test_what_moves_afterwards_shows_on_the_day_the_calendar_and_the_list(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    before, signed = jonas.get(PAGE), jonas.get("/?month=2026-06").text
    fields = {name: before.field(name) for name in ("form_token", "version", "seen")}
    break_id = console_books.break_of("r0")
    page = f"/breaks/{break_id}"
    maria.submit(page, f"{page}/explain", reason="a test")

    stale = jonas.post(f"{PAGE}/reopen", {**fields, "reason": "restated"})
    month = maria.get("/?month=2026-06").text
    changed = maria.get(PAGE).shown()
    reopened = maria.submit(PAGE, f"{PAGE}/reopen", reason="restated")

    assert 'class="cell signed has-breaks" href="/days/lottery/2026-06-04"' in signed
    assert stale.status == 409
    assert "What it is now It changed since" in stale.shown()
    assert "It changed since: ours 0.00, theirs 0.00 EUR, open breaks 14 → 13." in changed
    assert 'class="cell changed-since has-breaks" href="/days/lottery/2026-06-04"' in month
    assert reopened.status == 303
    assert "maria reopened it: restated" in maria.get(PAGE).shown()


def test_the_first_page_says_how_a_day_stands_and_what_waits(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    reply = maria.get(f"/?day={DAY}")

    assert reply.status == 200
    shown = reply.shown()
    assert "Thursday 4 June 2026 can be closed for all providers" not in shown
    assert "Unexplained: 0.00 EUR." in shown
    assert "13 not settled" in shown
    assert "13 overdue" in shown
    assert "we owe players" in shown


def test_figures_of_the_first_page_lead_to_what_they_are_made_of(maria: PageClient) -> None:
    page = maria.get(f"/?day={DAY}")
    cell = re.search(r'data-label="in breaks"><a href="/breaks([^"]+)">([^<]+)', page.text)
    bars = re.findall(
        r'<a href="/breaks([^"]+)">(\d+)<span class="hidden"> breaks open', page.text
    )
    assert cell is not None
    rows = csv.DictReader(io.StringIO(maria.get(f"/breaks.csv{unescape(cell[1])}").text))
    differences = [Decimal(row["difference"]) for row in rows]

    assert len(differences) == 14, "explained ones count, too"
    assert -sum(differences) == Decimal(cell[2].replace("\N{MINUS SIGN}", "-"))
    assert bars
    for query, count in bars:
        listed = maria.get(f"/breaks{unescape(query)}").shown()
        assert f"{count} breaks fit these filters" in listed


@pytest.mark.parametrize(
    "path", ["/?day=2000-01-01", "/?day=2099-12-31", "/?month=2000-01", "/?month=2099-12"]
)
def test_the_first_page_leads_to_no_day_or_month_that_is_refused(
    maria: PageClient, path: str
) -> None:
    page = maria.get(path)
    links = re.findall(r'href="(/\?(?:day|month)=[^"]+)"', page.text)

    assert page.status == 200
    assert links
    assert {maria.get(link).status for link in links} == {200}


@pytest.mark.parametrize("path", ["/?day=never", "/?month=2026-13", "/days/lottery/never"])
def test_a_day_that_is_none_is_refused(maria: PageClient, path: str) -> None:
    assert maria.get(path).status == 400
