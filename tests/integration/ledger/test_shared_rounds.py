"""A shared round: three players in two currencies, each with amounts of their own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from ledger.checks.run import verify
from ledger.enums import Account
from ledger.players.importer import PlayerRow, import_players
from ledger.posting.posting import post, post_all_at
from ledger.queries.account_movements import AccountMovement, BookingNature, account_movements
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import Rules
from reconcile.totals.tie_out import totals
from reports.statement.bridge import bridges, reported_ggr
from storage.engine import open_engine
from tests.harness.books.ledger import NOON, SLUG, accept, bet, rollback, round_end, win
from vocabulary.clock import FrozenClock
from vocabulary.facts import Bet, RoundEnd, Win
from vocabulary.ids import match_key
from vocabulary.money import Money
from vocabulary.window import Window, day_window

TABLE = "table-7"
#: Player, currency, stake and payout of each share of the round; ann has two.
SHARES = (
    ("ann", "EUR", 500, 0),
    ("bob", "EUR", 300, 800),
    ("cleo", "JPY", 700, 100),
    ("ann", "JPY", 9, 0),
)
_ROUNDS = """
SELECT w.player, r.currency, r.stake, r.payout, r.swept, r.bets, r.wins, r.ended
  FROM rounds r JOIN wallets w USING (wallet_id) WHERE r.round_id = %s ORDER BY r.wallet_id
"""
_ACCOUNTS = """
SELECT account::text, currency, sum(amount)::bigint FROM entries
 WHERE account IN ('provider_clearing', 'ggr') GROUP BY 1, 2 HAVING sum(amount) <> 0
"""
_RECORD = """
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
                          payout, rolled_back, created_at, updated_at, received_at, source,
                          continues)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, false, %s, %s, %s, 'push', %s)
"""


@pytest.fixture
def table(database: str) -> str:
    """Every operation of the round accepted as a batch of its own; nothing posted."""
    players = [
        PlayerRow(line=2, player=player, opening=Money(10_000, currency), handles={})
        for player, currency, _, _ in SHARES
    ]
    engine = open_engine(database)
    import_players(engine, players)
    engine.dispose()
    post_all_at(database)
    for fact in _facts():
        accept(database, fact)
    return database


def _facts() -> Iterator[Bet | Win | RoundEnd]:
    for number, (player, currency, stake, payout) in enumerate(SHARES):
        key = f"b{number}"
        common: Any = {"handle": player, "round_id": TABLE}
        staked, paid = Money(stake, currency), Money(payout, currency)
        yield replace(bet(key, stake, **common), amount=staked)
        yield replace(win(f"w{number}", payout, bet_key=key, **common), amount=paid, stake=None)
        end = round_end(f"e{number}", of=key, staked=stake, paid=payout, **common)
        # The last share stays open.
        if number < len(SHARES) - 1:
            yield replace(end, stake=staked, payout=paid)


def _query(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def _post(url: str, order: list[int]) -> None:
    """Post the batches one by one, in the given order."""
    engine = open_engine(url)
    park = "UPDATE batches SET parked_at = now() WHERE posted_at IS NULL"
    with engine.begin() as connection:
        connection.execute(text(park))
    for batch in order:
        with engine.begin() as connection:
            release = "UPDATE batches SET parked_at = NULL WHERE batch_id = :batch"
            connection.execute(text(release), {"batch": batch})
        assert post(engine).batches == 1
    assert [(result.name, result.first) for result in verify(engine) if result.wrong] == []
    engine.dispose()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_shared_round_has_a_row_for_each_wallet_in_any_order_of_posting(
    table: str, seed: int
) -> None:
    numbers = [
        n for (n,) in _query(table, "SELECT batch_id FROM batches WHERE posted_at IS NULL")
    ]

    _post(table, Random(seed).sample(numbers, len(numbers)))

    assert _query(table, _ROUNDS, TABLE) == [
        ("ann", "EUR", 500, 0, 500, 1, 1, True),
        ("bob", "EUR", 300, 800, -500, 1, 1, True),
        ("cleo", "JPY", 700, 100, 600, 1, 1, True),
        ("ann", "JPY", 9, 0, 0, 1, 1, False),
    ]
    # An ended share is swept in its own currency; an open one is not swept.
    assert sorted(_query(table, _ACCOUNTS)) == [
        ("ggr", "JPY", 600),
        ("provider_clearing", "JPY", 9),
    ]


def _store_history(url: str, *left_out: int) -> None:
    """Store the provider's history of the round: a record for each player and currency."""
    records = [(n, share) for n, share in enumerate(SHARES) if n not in left_out]
    for index, (number, (player, currency, stake, payout)) in enumerate(records):
        columns = (SLUG, f"rec{number}", TABLE, match_key(SLUG, TABLE), player)
        with psycopg.connect(url) as connection:
            amounts = (currency, stake, payout, NOON, NOON, NOON, index > 0)
            connection.execute(_RECORD.encode(), [*columns, *amounts])


def _reconciled(url: str) -> RunResult:
    return reconcile(url, _request(), clock=FrozenClock(NOON + timedelta(hours=8)))


def _request() -> RunRequest:
    return RunRequest(
        provider=SLUG,
        window=Window(start=NOON - timedelta(hours=1), end=NOON + timedelta(hours=1)),
        maturity=timedelta(minutes=15),
        open_after=None,
    )


def _windows(url: str, *starts: datetime) -> list[list[str]]:
    """Reconcile an hour from each start; whose breaks stay open after each."""
    open_breaks = []
    for number, start in enumerate(starts):
        request = RunRequest(
            provider=SLUG,
            window=Window(start=start, end=start + timedelta(hours=1)),
            maturity=timedelta(minutes=15),
            open_after=None,
        )
        reconcile(url, request, clock=FrozenClock(NOON + timedelta(hours=8 + number)))
        rows = _query(url, "SELECT player FROM breaks WHERE cleared_at IS NULL ORDER BY player")
        open_breaks.append([player for (player,) in rows])
    return open_breaks


def test_shares_that_begin_in_two_windows_are_each_judged_by_their_own(table: str) -> None:
    """The run over the later window does not clear the break of the earlier share."""
    for key, handle, hours in (("early", "ann", 0), ("late", "bob", 1)):
        fact = bet(key, 100, handle=handle, round_id="two-windows")
        accept(table, fact, at=NOON + timedelta(hours=hours, minutes=30))
    post_all_at(table)
    later = NOON + timedelta(hours=1)
    early_record = (SLUG, "late-record", "two-windows", match_key(SLUG, "two-windows"), "ann")
    _store_history(table)

    assert _windows(table, NOON, later, NOON) == [["ann"], ["ann", "bob"], ["ann", "bob"]]

    with psycopg.connect(table) as connection:
        at = NOON + timedelta(minutes=30)
        values = [*early_record, "EUR", 100, 0, at, at, at, False]
        connection.execute(_RECORD.encode(), values)
    assert _windows(table, later, NOON) == [["ann", "bob"], ["bob"]]


def test_the_tolerated_difference_of_a_share_counts_on_the_day_on_which_the_share_began(
    table: str,
) -> None:
    """In journals and in the bridge of the statement; it counted with the others, too."""
    evening = datetime(2026, 6, 4, 23, 30, tzinfo=UTC)
    for number, player in enumerate(("ann", "bob")):
        at = evening + timedelta(hours=number)
        accept(table, bet(f"m{number}", 100, handle=player, round_id="midnight"), at=at)
        columns = (SLUG, f"mid{number}", "midnight", match_key(SLUG, "midnight"), player)
        with psycopg.connect(table) as connection:
            values = [*columns, "EUR", 98, 0, at, at, at, number > 0]
            connection.execute(_RECORD.encode(), values)
    days = [date(2026, 6, 4), date(2026, 6, 5)]
    windows = [day_window(day, ZoneInfo("UTC")) for day in days]
    for window in windows:
        request = RunRequest(
            provider=SLUG,
            window=window,
            maturity=timedelta(minutes=15),
            open_after=None,
            rules=Rules(tolerance={"EUR": 2}),
        )
        reconcile(table, request, clock=FrozenClock(NOON + timedelta(days=3)))

    engine = open_engine(table)
    with engine.connect() as connection:
        moved = account_movements(
            connection, SLUG, Window(start=windows[0].start, end=windows[1].end), "UTC"
        )
        bridged = [
            bridge.accounts["difference"]
            for window in windows
            for bridge in bridges(
                connection, SLUG, window, reported_ggr(connection, SLUG, window)
            )
            if bridge.currency == "EUR"
        ]
    engine.dispose()

    tolerated = AccountMovement(
        nature=BookingNature.TOLERANCE, account=Account.DIFFERENCE, currency="EUR", minor=2
    )
    assert [tolerated in moved[day] for day in days] == [True, True]
    assert bridged == [2, 2]


@pytest.mark.parametrize(
    ("late", "players"),
    [(("bob", "EUR"), ("ann", "bob")), (("ann", "JPY"), ("", ""))],
    ids=["players", "currencies"],
)
def test_the_tolerated_difference_of_a_share_stays_booked_whatever_other_windows_are_compared(
    table: str, late: tuple[str, str], players: tuple[str, str]
) -> None:
    """Each run took the other share's back: GGR lacked one of them, whichever came last."""
    shares = (("ann", "EUR"), late)
    for number, (player, currency) in enumerate(shares):
        at = NOON + timedelta(hours=number, minutes=30)
        fact = bet(f"t{number}", 100, handle=player, round_id="two-days")
        accept(table, replace(fact, amount=Money(100, currency)), at=at)
        columns = (SLUG, f"two{number}", "two-days", match_key(SLUG, "two-days"), player)
        with psycopg.connect(table) as connection:
            values = [*columns, currency, 98, 0, at, at, at, number > 0]
            connection.execute(_RECORD.encode(), values)
    _store_history(table)

    for number in (0, 1, 0, 1):
        start = NOON + timedelta(hours=number)
        request = RunRequest(
            provider=SLUG,
            window=Window(start=start, end=start + timedelta(hours=1)),
            maturity=timedelta(minutes=15),
            open_after=None,
            rules=Rules(tolerance={"EUR": 2, "JPY": 2}),
        )
        reconcile(table, request, clock=FrozenClock(NOON + timedelta(hours=8)))

    booked = _query(table, "SELECT player, currency, after FROM residuals ORDER BY residual_id")
    assert booked == [
        (name, currency, 2) for name, (_, currency) in zip(players, shares, strict=True)
    ]


def test_a_shared_round_that_is_equal_on_both_sides_is_no_break(table: str) -> None:
    post_all_at(table)
    _store_history(table)

    result = _reconciled(table)

    assert result.breaks == ()
    assert (result.ours.matched.rows, result.theirs.matched.rows) == (4, 4)


def test_only_the_missing_share_of_a_shared_round_is_a_break(table: str) -> None:
    post_all_at(table)
    _store_history(table, 1)

    (break_,) = _reconciled(table).breaks

    assert (str(break_.kind), break_.player, break_.currency) == (
        "missing_at_provider",
        "bob",
        "EUR",
    )
    assert (break_.round_id, break_.difference) == (TABLE, -500)
    assert sorted(break_.evidence["operations"]) == ["b1", "e1", "w1"]
    assert "records" not in break_.evidence


def test_a_share_under_another_players_name_is_a_player_mismatch(table: str) -> None:
    post_all_at(table)
    _store_history(table)
    with psycopg.connect(table) as connection:
        connection.execute("UPDATE feed_records SET handle = 'dora' WHERE record_id = 'rec1'")

    (break_,) = _reconciled(table).breaks

    assert (str(break_.kind), break_.player, break_.round_id) == (
        "player_mismatch",
        "bob",
        TABLE,
    )


@pytest.mark.parametrize(
    ("reported", "found"),
    [
        ([("JPY", 700)], []),
        ([("EUR", 50), ("EUR", -50), ("JPY", 700)], []),
        ([("JPY", 900)], [("stake_mismatch", "JPY", -200)]),
        ([], [("missing_at_provider", "JPY", 700)]),
    ],
    ids=["as it stands", "line by line", "for another stake", "not at all"],
)
def test_a_bet_that_was_rolled_back_says_nothing_of_the_round_in_another_currency(
    table: str, reported: list[tuple[str, int]], found: list[tuple[str, str, int]]
) -> None:
    name = "again"
    wrong = bet("wrong", 50, handle="ann", round_id=name)
    right = replace(wrong, key="right", amount=Money(700, "JPY"))
    for fact in (wrong, rollback("undo", "wrong", handle="ann", round_id=name), right):
        accept(table, fact)
    post_all_at(table)
    _store_history(table)
    with psycopg.connect(table) as connection:
        for number, (currency, stake) in enumerate(reported):
            columns = (SLUG, f"again{number}", name, match_key(SLUG, name), "ann", currency)
            values = (*columns, stake, 0, NOON, NOON, NOON, number > 0)
            connection.execute(_RECORD.encode(), values)

    result = _reconciled(table)
    tied = totals(table, _request(), now=NOON + timedelta(hours=8), zone="UTC")

    assert [(str(b.kind), b.currency, b.difference) for b in result.breaks] == found
    assert tied.ties
    assert tied.agrees == (not found)
    assert {line.cause for line in tied.lines} == {kind for kind, _, _ in found}
