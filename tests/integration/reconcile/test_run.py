"""Two books side by side on a real database: every kind of break, timing, edges, proof."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from vocabulary.clock import FrozenClock
from vocabulary.errors import Malformed
from vocabulary.ids import match_key
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENING = datetime(2026, 3, 1, 20, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Books:
    """Rows written directly into the tables that both sides are read from."""

    url: str

    def ours(
        self,
        round_id: str,
        stake: int,
        payout: int,
        *,
        player: str = "alice",
        currency: str = "USD",
        at: datetime = NOON,
        ended: bool = True,
        provider: str = "agg",
    ) -> None:
        self.execute("INSERT INTO players (player) VALUES (%s) ON CONFLICT DO NOTHING", player)
        self.execute(
            "INSERT INTO wallets (player, currency, balance, seq) VALUES (%s, %s, 0, 0)"
            " ON CONFLICT DO NOTHING",
            player,
            currency,
        )
        self.execute(
            "INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake,"
            " payout, bets, wins, rollbacks, ended, first_at, last_at)"
            " SELECT %s, %s, %s, wallet_id, currency, %s, %s, 1, 1, 0, %s, %s, %s"
            "   FROM wallets WHERE player = %s AND currency = %s",
            *(match_key(provider, round_id), provider, round_id, stake, payout, ended, at, at),
            *(player, currency),
        )

    def theirs(
        self,
        round_id: str,
        stake: int,
        payout: int,
        *,
        record_id: str | None = None,
        occurrence: int = 1,
        handle: str = "alice",
        currency: str = "USD",
        at: datetime = NOON,
        rolled_back: bool = False,
        declared_net: int | None = None,
        balances: tuple[int | None, int | None] = (None, None),
        continues: bool = False,
    ) -> None:
        self.execute(
            "INSERT INTO feed_records (provider, record_id, occurrence, round_id, match_key,"
            " handle, currency, stake, payout, rolled_back, declared_net, balance_before,"
            " balance_after, created_at, updated_at, received_at, source, continues)"
            " VALUES ('agg', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " 'push', %s)",
            *(record_id or round_id, occurrence, round_id, match_key("agg", round_id)),
            *(handle, currency, stake, payout, rolled_back, declared_net, *balances),
            *(at, at, at, continues or occurrence > 1),
        )

    def execute(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode(), values)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def run(
        self,
        *,
        now: datetime = EVENING,
        window: Window = DAY,
        open_after: timedelta | None = None,
    ) -> RunResult:
        return reconcile(
            self.url,
            RunRequest(
                provider="agg",
                window=window,
                maturity=QUARTER,
                open_after=open_after,
            ),
            clock=FrozenClock(now),
        )


@pytest.fixture
def books(database: str) -> Books:
    return Books(database)


def _found(result: RunResult) -> list[tuple[str, str, int, str]]:
    return [(str(b.kind), b.round_id, b.difference, str(b.impact)) for b in result.breaks]


def test_books_that_agree_have_no_breaks_and_the_run_is_stored(books: Books) -> None:
    for number in range(5):
        books.ours(f"r{number}", 100, 50)
        books.theirs(f"r{number}", 100, 50)
    result = books.run()
    assert _found(result) == []
    assert (result.ours.matched.rows, result.theirs.matched.rows) == (5, 5)
    assert books.rows("SELECT run_id, conserved FROM runs") == [(result.run_id, True)]


def test_an_empty_window_is_a_run_too(books: Books) -> None:
    result = books.run()
    assert _found(result) == []
    assert result.conserved
    assert books.rows("SELECT count(*) FROM runs") == [(1,)]


def test_a_window_that_has_not_begun_is_refused_and_no_run_is_stored(books: Books) -> None:
    with pytest.raises(Malformed, match="window: it begins at 2026-03-01T00:00:00Z"):
        books.run(now=DAY.start - timedelta(seconds=1))

    assert books.rows("SELECT count(*) FROM runs") == [(0,)]


def test_a_win_we_never_booked_is_owed_to_the_player(books: Books) -> None:
    books.theirs("r1", 100, 350)
    assert _found(books.run()) == [("missing_in_ledger", "r1", 250, "player_owed")]


def test_a_stake_the_provider_does_not_report_is_owed_to_the_player(books: Books) -> None:
    books.ours("r1", 100, 0)
    result = books.run()
    assert _found(result) == [("missing_at_provider", "r1", 100, "player_owed")]
    assert result.breaks[0].explanation == (
        "The ledger booked a stake of 1.00 USD and a payout of 0.00 USD for round r1, which agg"
        " does not report; the player is owed 1.00 USD."
    )


def test_a_larger_stake_at_the_provider_is_owed_to_the_operator(books: Books) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 130, 0)
    assert _found(books.run()) == [("stake_mismatch", "r1", -30, "operator_owed")]


def test_both_amounts_wrong_are_two_breaks_of_one_round(books: Books) -> None:
    books.ours("r1", 100, 10)
    books.theirs("r1", 130, 90)
    assert _found(books.run()) == [
        ("payout_mismatch", "r1", 80, "player_owed"),
        ("stake_mismatch", "r1", -30, "operator_owed"),
    ]


def test_a_declared_net_that_is_not_the_sum_is_an_arithmetic_error(books: Books) -> None:
    books.ours("r1", 100, 10)
    books.theirs("r1", 100, 10, declared_net=-80)
    result = books.run()
    assert _found(result) == [("arithmetic_error", "r1", 0, "none")]
    assert result.breaks[0].explanation == (
        "agg contradicts itself about round r1: stake and payout make -0.90 USD to the player,"
        " but the line declares -0.80 USD."
    )


def test_balances_that_do_not_follow_are_an_arithmetic_error(books: Books) -> None:
    books.ours("r1", 100, 10)
    books.theirs("r1", 100, 10, declared_net=-90, balances=(500, 400))
    (break_,) = books.run().breaks
    assert break_.explanation.endswith("but the balance went from 5.00 to 4.00 USD.")


def test_a_repeated_line_is_a_duplicate_and_the_round_still_agrees(books: Books) -> None:
    books.ours("r1", 100, 10)
    books.theirs("r1", 100, 10)
    books.theirs("r1", 100, 10, occurrence=2)
    result = books.run()
    assert _found(result) == [("duplicate_at_provider", "r1", -90, "none")]
    assert result.theirs.folded == 1


def test_a_round_never_closed_is_found_once_its_time_is_over(books: Books) -> None:
    """Tickets cannot be cancelled by a callback: only a person can ask for it."""
    books.ours("open", 100, 0, ended=False)
    books.theirs("open", 100, 0)
    books.ours("closed", 100, 0)
    books.theirs("closed", 100, 0)
    waited = EVENING - NOON

    assert _found(books.run(open_after=waited)) == []
    result = books.run(open_after=waited - timedelta(seconds=1))

    assert _found(result) == [("open_round_overdue", "open", 0, "none")]
    assert "never ended though its time is over" in result.breaks[0].explanation
    assert result.ours.breaks.rows == result.theirs.breaks.rows == 1
    assert _found(books.run()) == []


def test_a_round_that_both_sides_took_back_is_not_open(books: Books) -> None:
    books.ours("undone", 0, 0, ended=False)
    books.execute("UPDATE rounds SET rollbacks = 1 WHERE round_id = 'undone'")
    books.theirs("undone", 0, 0, rolled_back=True)

    assert _found(books.run(open_after=timedelta(minutes=1))) == []


def test_another_currency_is_a_break_in_both_currencies(books: Books) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 0, currency="EUR")
    assert _found(books.run()) == [
        ("currency_mismatch", "r1", -100, "operator_owed"),
        ("currency_mismatch", "r1", 100, "player_owed"),
    ]


def test_another_player_is_a_break_and_a_mapped_handle_is_none(books: Books) -> None:
    books.ours("r1", 100, 0)
    books.ours("r2", 100, 0)
    books.execute("INSERT INTO handles VALUES ('agg', 'h-7', 'alice')")
    books.theirs("r1", 100, 0, handle="h-7")
    books.theirs("r2", 100, 0, handle="mallory")
    assert _found(books.run()) == [("player_mismatch", "r2", 0, "none")]


def test_several_records_of_one_round_add_up(books: Books) -> None:
    books.ours("r1", 100, 60)
    books.theirs("r1", 100, 0, record_id="a")
    books.theirs("r1", 0, 60, record_id="b", continues=True)
    result = books.run()
    assert _found(result) == []
    assert result.theirs.matched.rows == 1


def test_a_round_the_provider_rolled_back_moved_nothing(books: Books) -> None:
    books.ours("r1", 0, 0)
    books.theirs("r1", 100, 0)
    books.theirs("r1", 0, 0, record_id="undo", rolled_back=True, continues=True)
    result = books.run()
    assert _found(result) == []
    assert result.theirs.undone.totals == (("USD", 100, 0),)


def test_a_round_that_moved_nothing_needs_no_counterpart(books: Books) -> None:
    books.ours("r1", 0, 0)
    books.theirs("r2", 0, 0)
    result = books.run()
    assert _found(result) == []
    assert (result.ours.excluded.rows, result.theirs.excluded.rows) == (1, 1)


def test_an_immature_one_sided_round_is_timing_until_it_matures(books: Books) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r2", 100, 0)
    early = books.run(now=NOON + QUARTER - timedelta(seconds=1))
    assert (early.ours.timing.rows, early.theirs.timing.rows, early.breaks) == (1, 1, ())
    mature = books.run(now=NOON + QUARTER)
    assert [b.kind for b in mature.breaks] == ["missing_at_provider", "missing_in_ledger"]


@pytest.mark.parametrize("inside", ["ours", "theirs"])
def test_the_other_side_across_the_window_edge_is_found(books: Books, inside: str) -> None:
    before, after = DAY.end - timedelta(seconds=1), DAY.end + timedelta(seconds=1)
    books.ours("r1", 100, 0, at=before if inside == "ours" else after)
    books.theirs("r1", 100, 0, at=after if inside == "ours" else before)
    result = books.run(now=DAY.end + timedelta(days=1))
    assert _found(result) == []
    assert (result.ours.compared.rows, result.theirs.compared.rows) == (1, 1)
    outside = result.theirs.outside if inside == "ours" else result.ours.outside
    assert outside.rows == 1


def test_a_rollback_line_of_the_next_day_belongs_to_its_round_on_either_day(
    books: Books,
) -> None:
    next_day = Window(start=DAY.end, end=DAY.end + timedelta(days=1))
    books.ours("r1", 0, 0)
    books.theirs("r1", 100, 0)
    books.theirs(
        "r1", 0, 0, record_id="undo", rolled_back=True, continues=True, at=next_day.start
    )
    later = next_day.end + timedelta(days=1)
    assert _found(books.run(now=later)) == []
    assert _found(books.run(now=later, window=next_day)) == []


def test_other_windows_and_other_providers_are_not_compared(books: Books) -> None:
    books.ours("r1", 100, 0, at=DAY.end)
    books.theirs("r2", 100, 0, at=DAY.start - timedelta(microseconds=1))
    books.ours("r3", 100, 0, provider="other")
    result = books.run()
    assert (result.ours.compared.rows, result.theirs.compared.rows) == (0, 0)


def test_colliding_keys_are_distinguished_by_their_round_ids(books: Books) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 0)
    books.theirs("r2", 100, 0)
    shared = match_key("agg", "r1")
    books.execute("UPDATE feed_records SET match_key = %s", shared)
    assert _found(books.run()) == [("missing_in_ledger", "r2", -100, "operator_owed")]


def test_every_row_and_every_amount_ends_in_one_bucket(books: Books) -> None:
    for number in range(10):
        books.ours(f"r{number}", 100 + number, 50)
        books.theirs(f"r{number}", 100 + number, 50 + (number == 3))
    books.ours("only-ours", 7, 0)
    books.ours("immature", 9, 0, at=EVENING)
    books.theirs("only-theirs", 0, 11)
    result = books.run()
    proof = result.ours
    assert (proof.matched.rows, proof.timing.rows, proof.breaks.rows) == (9, 1, 2)
    assert proof.compared.totals == (("USD", 1045 + 16, 500),)
    assert proof.holds
    assert result.theirs.holds
    differences = sum(b.difference for b in result.breaks)
    assert differences == (11 - 0) + 1 + 7


def test_a_repeated_run_keeps_ids_and_first_sight(books: Books) -> None:
    books.ours("r1", 100, 0)
    first = books.run()
    second = books.run(now=EVENING + QUARTER)
    assert [b.id for b in second.breaks] == [b.id for b in first.breaks]
    assert second.breaks[0].first_seen == EVENING
    assert books.rows("SELECT count(*) FROM breaks") == [(1,)]


def test_a_break_is_cleared_when_the_record_comes_and_reopened_when_it_goes(
    books: Books,
) -> None:
    books.ours("r1", 100, 0)
    books.run()
    books.theirs("r1", 100, 0)
    assert _found(books.run(now=EVENING + QUARTER)) == []
    state = "SELECT cleared_at, first_seen FROM breaks"
    assert books.rows(state) == [(EVENING + QUARTER, EVENING)]
    books.execute("DELETE FROM feed_records")
    books.run(now=EVENING + 2 * QUARTER)
    assert books.rows(state) == [(None, EVENING)]


def test_a_run_over_another_window_leaves_breaks_alone(books: Books) -> None:
    books.ours("r1", 100, 0)
    books.run()
    books.run(window=Window(start=DAY.start - timedelta(days=1), end=DAY.start))
    assert books.rows("SELECT cleared_at FROM breaks") == [(None,)]


def test_a_break_whose_round_is_on_neither_side_any_more_is_cleared(books: Books) -> None:
    books.theirs("r1", 100, 0)
    books.run()
    books.execute("DELETE FROM feed_records")
    books.run(now=EVENING + QUARTER)
    assert books.rows("SELECT cleared_at FROM breaks") == [(EVENING + QUARTER,)]


def test_the_printed_result_has_the_promised_shape(books: Books) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r2", 0, 25, currency="JPY")
    output = books.run().to_json()
    assert list(output) == [
        *("run_id", "provider", "window", "ours", "theirs", "matched", "timing", "excluded"),
        *("residual", "booked", "unread", "breaks", "conserved"),
    ]
    assert output["ours"] == {"rows": 1, "totals": {"USD": {"stake": "1.00", "payout": "0.00"}}}
    assert output["theirs"] == {"rows": 1, "totals": {"JPY": {"stake": "0", "payout": "25"}}}
    first, second = output["breaks"]
    assert (first["difference"], first["theirs"]) == ("1.00", None)
    assert (second["difference"], second["ours"]) == ("25", None)
    assert first["round_key"] == "r1"
    assert first["ours"]["stake"] == "1.00"
