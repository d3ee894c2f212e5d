"""Proposed rules over stored days: what would be hidden, what opened, and nothing stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ops.commands.reconcile.what_if import effect_json, proposed
from reconcile.runs.evaluate import Terms
from reconcile.runs.run import reconcile
from reconcile.runs.what_if import WhatIfEffect, what_if
from tests.harness.books.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.errors import Malformed
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
HELD = Terms(provider="agg", window=DAY, maturity=timedelta(minutes=15))
SOON = NOON + timedelta(minutes=20)


@pytest.fixture
def books() -> TwoBooks:
    return TwoBooks()


def _ask(url: str, *sets: str, now: datetime = SOON, held: Terms = HELD) -> WhatIfEffect:
    proposal = proposed(held, list(sets))
    return what_if(url, held, proposal.terms, now=now, names=proposal.names)


def _hidden(effect: WhatIfEffect) -> list[tuple[str, str, int]]:
    return [(str(each.kind), each.round_id, each.difference) for each in effect.hidden]


def _opened(effect: WhatIfEffect) -> list[tuple[str, str, int]]:
    return [(str(each.kind), each.round_id, each.difference) for each in effect.opened]


def test_a_longer_maturity_hides_what_is_still_young(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 0)
    books.both("r2", 100, 0)
    books.write(database)
    effect = _ask(database, "maturity=30m")
    assert _hidden(effect) == [("missing_at_provider", "r1", 100)]
    assert (effect.before, effect.after, effect.opened) == (1, 0, ())


def test_a_shorter_maturity_opens_what_is_timing_now(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 0)
    books.write(database)
    effect = _ask(database, "maturity=1m", now=NOON + timedelta(minutes=5))
    assert _opened(effect) == [("missing_at_provider", "r1", 100)]


def test_a_tolerance_hides_small_amounts_and_sums_what_it_lets_pass(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 2)
    books.ours("r2", 100, 0)
    books.theirs("r2", 100, 9)
    books.write(database)
    effect = _ask(database, "tolerance.USD=0.02")
    assert _hidden(effect) == [("payout_mismatch", "r1", 2)]
    assert (effect.after, dict(effect.residuals)) == (1, {"USD": 2})
    told = effect_json(effect, HELD, ["tolerance.USD=0.02"])
    assert told["residual"] == {"USD": "0.02"}
    assert [each["difference"] for each in told["hidden"]] == ["0.02"]


def test_matching_by_what_rows_hold_ties_other_names(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 40)
    books.theirs("x1", 100, 40)
    books.write(database)
    effect = _ask(database, "attributes=true")
    assert sorted(_hidden(effect)) == [
        ("missing_at_provider", "r1", 60),
        ("missing_in_ledger", "x1", -60),
    ]


def test_a_name_for_one_of_their_rounds_ties_it_to_ours(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 40)
    books.theirs("x1", 100, 45)
    books.both("r2", 100, 0)
    books.write(database)
    effect = _ask(database, "round.x1=r1")
    assert sorted(_hidden(effect)) == [
        ("missing_at_provider", "r1", 60),
        ("missing_in_ledger", "x1", -55),
    ]
    assert _opened(effect) == [("payout_mismatch", "r1", 5)]


def test_nothing_is_stored_and_open_breaks_stay_as_they_are(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 0)
    books.write(database)
    asked = {"provider": "agg", "window": DAY, "maturity": timedelta(minutes=15)}
    reconcile(database, **asked, clock=FrozenClock(SOON))  # type: ignore[arg-type]
    before = _everything(database)
    _ask(database, "maturity=3h")
    assert _everything(database) == before


def _everything(url: str) -> list[object]:
    tables = ("runs", "breaks", "break_workflows", "audit")
    with psycopg.connect(url) as connection:
        return [
            connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1".encode()).fetchall()
            for table in tables
        ]


def test_a_difference_that_would_be_another_is_told_as_changed(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 10)
    books.theirs("x1", 0, 7)
    books.write(database)
    effect = _ask(database, "round.x1=r1")
    assert [(old.difference, new.difference) for old, new in effect.changed] == [(10, 17)]


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("maturity", "name=value is expected"),
        ("maturity=soon", r"maturity: a duration .* not 'soon'"),
        ("colour=red", "'colour' is no rule"),
        ("attributes=yes", "attributes: true or false"),
        ("group_max=0", "from 1 to 1000"),
        ("tolerance.USD=-1", "not below zero"),
        ("tolerance.usd=1", "is no rule"),
    ],
)
def test_a_proposal_that_is_none_is_refused_by_name(word: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        proposed(HELD, [word])


def test_a_tolerance_too_fine_for_its_currency_is_refused() -> None:
    with pytest.raises(Malformed, match=r"tolerance\.JPY"):
        proposed(replace(HELD), ["tolerance.JPY=0.5"])
