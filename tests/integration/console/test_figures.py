"""Totals and trends in the browser: the figures of the command line, each with its origin."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from console.pages.figures.kept_days import TooMuch
from console.pages.figures.span import one_instant
from console.warming import AFTER_ROUND, keep_warm
from reconcile.totals.differences import NO_BREAKS
from tests.harness.books.console import DAY, SCRIPT, ConsoleBooks
from tests.harness.books.differences.breaks import EVENING
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, PageClient, serving
from vocabulary.clock import FrozenClock

SPAN = f"from={DAY}&to={DAY}"
NEXT = "2026-06-05"


@pytest.fixture(scope="module")
def vera(site: ConsoleSite) -> PageClient:
    return site.browser_of("only viewer")


def rows_of(client: PageClient, path: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    reply = client.get(path)
    assert reply.status == 200, reply.text
    return list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("by", ["day", "game"])
def test_totals_are_those_of_the_command_line_to_the_minor_unit(
    vera: PageClient, console_books: ConsoleBooks, by: str
) -> None:
    words = ("totals", "--provider", "lottery", "--day", DAY, "--by", by, "--json")
    document: dict[str, Any] = json.loads(console_books.run(*words, by="maria", code=1))
    rows = {row[by]: row for row in rows_of(vera, f"/totals.csv?{SPAN}&by={by}")}

    assert len(rows) == len(document["totals"])
    for expected in document["totals"]:
        row = rows[expected[by]]
        for side in ("ours", "theirs"):
            assert row[f"Rounds {side}"] == str(expected[side]["rounds"])
            for name in ("Stake", "Payout", "GGR"):
                assert row[f"{name} {side}"] == expected[side][name.lower()]
        assert row["Difference"] == expected["difference"]["ggr"]
        in_breaks = sum(
            Decimal(amount)
            for cause, amount in expected["explained"].items()
            if cause not in NO_BREAKS
        )
        assert row["In breaks"] == f"{in_breaks:.2f}"
        assert row["Unexplained"] == "0.00"


def test_the_reporting_currency_is_that_of_the_command_line_beside_the_original(
    vera: PageClient, console_books: ConsoleBooks
) -> None:
    words = ("totals", "--provider", "lottery", "--day", DAY, "--json")
    reporting = json.loads(console_books.run(*words, by="maria", code=1))["reporting"]
    (row,) = rows_of(vera, f"/totals.csv?{SPAN}&by=day")
    shown = vera.get(f"/totals?{SPAN}").shown()

    assert row["GGR ours in USD"] == reporting["ggr"]["ours"]
    assert row["GGR theirs in USD"] == reporting["ggr"]["theirs"]
    assert "Rates: ECB." in shown


@pytest.mark.parametrize("by", ["game", "provider", "month"])
def test_each_day_is_converted_by_its_own_rate_whatever_rows_are_grouped_by(
    vera: PageClient, by: str
) -> None:
    span = f"from=2026-06-03&to={DAY}"
    by_day, grouped = (vera.get(f"/totals?{span}&by={name}").shown() for name in ("day", by))
    _, _, expected = by_day.partition("In USD ")

    assert expected.startswith("Ours 15.00, theirs 6.38, difference")
    assert expected.partition("Rates: ECB.")[0] in grouped
    assert "Not converted" not in grouped


def test_a_day_without_a_rate_is_named(
    site: ConsoleSite, vera: PageClient, console_books: ConsoleBooks
) -> None:
    rates = console_books.config.parent / "rates.csv"
    whole = rates.read_text(encoding="utf-8")
    rates.write_text(whole.replace(DAY, "2026-06-03"), encoding="utf-8")
    missing = vera.get(f"/totals?{SPAN}").shown()
    (row,) = rows_of(vera, f"/totals.csv?{SPAN}&by=day")
    rates.write_text("nonsense\n", encoding="utf-8")
    broken = vera.get(f"/totals?{SPAN}")
    rates.write_text(whole, encoding="utf-8")

    assert "No figure, because no day has a rate." in missing
    assert f"Not converted, no rate: EUR on {DAY}." in missing
    assert (row["GGR ours in USD"], row["Days without a rate"]) == ("", "1")
    assert (broken.status, "Nothing is converted:" in broken.shown()) == (200, True)
    assert "Rates: ECB." in vera.get(f"/totals?{SPAN}").shown()


def test_a_long_span_is_shown_by_month_and_its_days_are_one_click_behind(
    vera: PageClient,
) -> None:
    long = f"from=2026-03-20&to={DAY}"
    page = vera.get(f"/totals?{long}")
    days = vera.get(f"/totals?from=2026-06-01&to={DAY}&currency=EUR&by=day")

    assert '<option value="month" selected>' in page.text
    assert (
        f'<a href="/totals?from=2026-06-01&amp;to={DAY}&amp;currency=EUR&amp;by=day">2026-06'
        in (page.text)
    )
    assert f'href="/totals.csv?from=2026-03-20&amp;to={DAY}&amp;by=day"' in page.text
    assert page.text.count('data-label="unexplained"') == 2
    assert f">{DAY}</a>" in days.text
    assert {row["day"] for row in rows_of(vera, f"/totals.csv?{long}")} == {DAY}
    assert {row["month"] for row in rows_of(vera, f"/totals.csv?{long}&by=month")} == {
        "2026-06"
    }
    assert f">{DAY}</a>" in vera.get(f"/totals?{long}&by=day").text


def test_every_figure_leads_to_what_it_is_made_of(vera: PageClient) -> None:
    page = vera.get(f"/totals?{SPAN}&by=provider")

    assert f'href="/days/lottery/{DAY}"' in page.text
    assert f"/breaks?provider=lottery&amp;day={DAY}&amp;currency=EUR" in page.text
    assert 'href="/runs/run-' in page.text
    assert 'href="/breaks/brk-' in page.text
    assert vera.get(f"/days/lottery/{DAY}").status == 200


def test_days_that_nobody_compared_are_said_to_be(vera: PageClient) -> None:
    empty = vera.get("/totals?from=2026-01-01&to=2026-01-03")
    half = vera.get(f"/totals?from={DAY}&to={NEXT}").shown()

    assert "Nobody compared 1 January to 3 January 2026 at lottery, and neither side" in (
        empty.shown()
    )
    assert "No run compared any part of these days." in empty.shown()
    assert "Nobody compared lottery: 2026-06-05 00:00:00 to 2026-06-06 00:00:00 UTC" in half
    assert "Nobody compared" in vera.get("/trends?from=2026-01-01&to=2026-01-03").shown()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (f"from={NEXT}&to={DAY}", f"a day not after {DAY}"),
        ("from=2020-01-01&to=2026-01-01", "at most 366 days"),
        ("from=soon", "a day such as"),
        ("currency=<b>", "a currency code"),
    ],
)
def test_what_cannot_be_read_is_refused(vera: PageClient, query: str, reason: str) -> None:
    for path in ("/totals", "/trends", "/totals.csv", "/trends/ggr.csv"):
        reply = vera.get(f"{path}?{query}")
        assert reply.status == 400, path
        assert reason in reply.shown()
    assert vera.get(f"/totals?{SPAN}&by=player").status == 400
    assert vera.get("/totals?provider=nobody").status == 404
    assert vera.get("/trends/none.csv").status == 404


def test_names_that_a_provider_chose_are_shown_and_never_run(vera: PageClient) -> None:
    page = vera.get(f"/totals?{SPAN}&by=game&then=day")

    assert SCRIPT not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    workbook = vera.get(f"/totals.xlsx?{SPAN}&by=game").content
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("days", [1, 31, 366])
def test_trends_answer_each_question_over_any_number_of_days(
    vera: PageClient, days: int
) -> None:
    first = {1: DAY, 31: "2026-05-05", 366: "2025-06-04"}[days]
    page = vera.get(f"/trends?from={first}&to={DAY}")
    shown = page.shown()

    assert page.status == 200
    assert page.text.count('<svg class="chart"') >= 4
    assert "Which provider's figures differ, and by how much?" in shown
    assert "lottery most: " in shown
    assert "Are breaks resolved as fast as they open?" in shown


def test_the_values_of_the_charts_are_those_of_the_totals(vera: PageClient) -> None:
    (total,) = rows_of(vera, f"/totals.csv?{SPAN}&by=day")
    (ggr,) = rows_of(vera, f"/trends/ggr.csv?{SPAN}")
    (difference,) = rows_of(vera, f"/trends/differences.csv?{SPAN}")
    (explained,) = rows_of(vera, f"/trends/explained.csv?{SPAN}")
    (late,) = rows_of(vera, f"/trends/lateness.csv?{SPAN}")

    assert ggr["GGR ours"] == difference["GGR ours"] == total["GGR ours"]
    assert difference["Difference"] == total["Difference"]
    assert (explained["Due"], explained["Explained"]) == ("14", "0")
    assert (late["Provider"], late["Seconds"]) == ("lottery", "0")
    ages = rows_of(vera, f"/trends/ages.csv?{SPAN}")
    assert sum(int(row["Breaks"]) for row in ages) == 14


def test_figures_that_take_too_long_are_refused_with_advice(site: ConsoleSite) -> None:
    readers = site.console.readers
    with pytest.raises(TooMuch) as refused, one_instant(readers, timeout_ms=20) as connection:
        connection.execute(text("SELECT pg_sleep(5)"))

    assert (refused.value.status, "Choose fewer days" in refused.value.why) == (422, True)
    with one_instant(readers) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


class OneRound(Event):
    """Stops before the second round, and waits for nothing."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout == AFTER_ROUND.total_seconds():
            self.set()
        return self.is_set()


def test_the_days_of_totals_and_trends_are_kept_before_anybody_asks(site: ConsoleSite) -> None:
    day = site.console.clock.now().date() - timedelta(days=1)
    keys = [
        (kind, "lottery", zone, day)
        for kind in ("both sides, by game False", "resolution rate", "delay")
        for zone in [site.console.config.zones["lottery"]]
    ]
    keep_warm(site.console, OneRound())

    assert None not in [site.console.kept.age(key) for key in keys]


def test_totals_and_trends_are_the_same_by_the_api(site: ConsoleSite, vera: PageClient) -> None:
    client = ApiClient(site.port, token_for(site, "only viewer"))
    days = f"from={DAY}&to={DAY}"
    totals = json_of(client.get(f"/totals?{days}&by=provider"))
    trends = json_of(client.get(f"/trends?{days}&currency=EUR"))
    (row,) = [item for item in totals["items"] if item["name"] == ["lottery"]]
    (day,) = [item for item in trends["days"] if item["provider"] == "lottery"]

    assert totals["sentence"] in vera.get(f"/totals?{days}&by=provider").shown()
    assert row["ours"]["stake"]["exponent"] == 2
    assert (row["ours"], row["theirs"]) == (day["ours"], day["theirs"])
    assert day["opened"] >= row["open_breaks"] > 0
    assert client.get("/totals?from=2026-06-05&to=2026-06-04").status == 400


def test_books_that_begin_today_show_today(site: ConsoleSite) -> None:
    with serving(replace(site.console, clock=FrozenClock(EVENING))) as early:
        vera = early.browser_of("only viewer")
        totals, trends = vera.get("/totals"), vera.get("/trends")

    assert 'name="to" type="date" value="2026-06-04"' in totals.text
    assert "nothing can be said" not in totals.shown() + trends.shown()
    assert "EUR" in trends.shown()
