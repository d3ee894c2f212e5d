"""Proposed rules over stored days: which breaks are hidden or opened, and nothing is stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ops.providers.rule_trials import effect_json, proposed
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.runs.what_if import WhatIfEffect, what_if
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.errors import Malformed
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
CURRENT = RunRequest(provider="agg", window=DAY, maturity=timedelta(minutes=15))
SOON = NOON + timedelta(minutes=20)


@pytest.fixture
def books() -> TwoBooks:
    return TwoBooks()


def _what_if(
    url: str, *sets: str, now: datetime = SOON, current: RunRequest = CURRENT
) -> WhatIfEffect:
    proposal = proposed(current, list(sets))
    return what_if(url, current, proposal.request, now=now, names=proposal.names)


def _hidden(effect: WhatIfEffect) -> list[tuple[str, str, int]]:
    return [(str(b.kind), b.round_id, b.difference) for b in effect.hidden]


def _opened(effect: WhatIfEffect) -> list[tuple[str, str, int]]:
    return [(str(b.kind), b.round_id, b.difference) for b in effect.opened]


def test_a_longer_maturity_hides_what_is_still_immature(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 0)
    books.both("r2", 100, 0)
    books.write(database)
    effect = _what_if(database, "maturity=30m")
    assert _hidden(effect) == [("missing_at_provider", "r1", 100)]
    assert (effect.before, effect.after, effect.opened) == (1, 0, ())


def test_a_shorter_maturity_opens_what_is_timing_now(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 0)
    books.write(database)
    effect = _what_if(database, "maturity=1m", now=NOON + timedelta(minutes=5))
    assert _opened(effect) == [("missing_at_provider", "r1", 100)]


def test_a_tolerance_hides_small_amounts_and_sums_them(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 2)
    books.ours("r2", 100, 0)
    books.theirs("r2", 100, 9)
    books.write(database)
    effect = _what_if(database, "tolerance.USD=0.02")
    assert _hidden(effect) == [("payout_mismatch", "r1", 2)]
    assert (effect.after, dict(effect.residuals)) == (1, {"USD": 2})
    output = effect_json(effect, CURRENT, ["tolerance.USD=0.02"])
    assert output["residual"] == {"USD": "0.02"}
    assert [break_["difference"] for break_ in output["hidden"]] == ["0.02"]


def test_matching_by_attributes_ties_rounds_with_other_ids(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 40)
    books.theirs("x1", 100, 40)
    books.write(database)
    effect = _what_if(database, "attributes=true")
    assert sorted(_hidden(effect)) == [
        ("missing_at_provider", "r1", 60),
        ("missing_in_ledger", "x1", -60),
    ]


def test_a_name_for_one_of_their_rounds_ties_it_to_ours(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 40)
    books.theirs("x1", 100, 45)
    books.both("r2", 100, 0)
    books.write(database)
    effect = _what_if(database, "round.x1=r1")
    assert sorted(_hidden(effect)) == [
        ("missing_at_provider", "r1", 60),
        ("missing_in_ledger", "x1", -55),
    ]
    assert _opened(effect) == [("payout_mismatch", "r1", 5)]


@pytest.mark.parametrize("reported", [("alice", "bob"), ("bob",)])
def test_a_name_for_a_round_of_several_players_ties_each_share_of_it(
    books: TwoBooks, database: str, reported: tuple[str, ...]
) -> None:
    for player in ("alice", "bob"):
        books.ours("r1", 100, 40, player=player)
    for n, player in enumerate(reported):
        books.theirs("x1", 100, 40, handle=player, record_id=f"x1-{n}", continues=n > 0)
    books.write(database)

    effect = _what_if(database, "round.x1=r1")

    missing = len({"alice", "bob"} - set(reported))
    assert [str(b.kind) for b in effect.opened] == []
    assert (effect.before, effect.after) == (2 + len(reported), missing)


def test_nothing_is_stored_and_open_breaks_stay_as_they_are(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 0)
    books.write(database)
    reconcile(database, CURRENT, clock=FrozenClock(SOON))
    before = _everything(database)
    _what_if(database, "maturity=3h")
    assert _everything(database) == before


def _everything(url: str) -> list[object]:
    tables = ("runs", "breaks", "break_workflows", "audit")
    with psycopg.connect(url) as connection:
        return [
            connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1".encode()).fetchall()
            for table in tables
        ]


def test_another_difference_of_the_same_break_is_a_change(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 10)
    books.theirs("x1", 0, 7)
    books.write(database)
    effect = _what_if(database, "round.x1=r1")
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
def test_an_invalid_proposal_is_refused_by_name(word: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        proposed(CURRENT, [word])


def test_a_tolerance_too_fine_for_its_currency_is_refused() -> None:
    with pytest.raises(Malformed, match=r"tolerance\.JPY"):
        proposed(replace(CURRENT), ["tolerance.JPY=0.5"])
