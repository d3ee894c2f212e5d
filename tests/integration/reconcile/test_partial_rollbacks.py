"""A rollback of another amount than its original's is a break with its difference."""

import io
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from breaks.kinds import BreakKind
from feeds.records import FeedCount, store_statement
from feeds.statements.reading.table import UnreadableRow
from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from ops.providers.configured import ConfiguredProvider
from providers.contract import Callback
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from storage.engine import open_engine
from tests.harness.books.delivered import commit, providers, transaction
from tests.harness.dialects.aggregator import sign_aggregator
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.providers.statement_lines import statement_lines
from tests.harness.servers.receiver import SECRET, SETTINGS, LedgerDatabase
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

HEADER = "transaction_id,action,user_id,currency,amount,rollback_transaction_id,created_at"
NOW = SystemClock().now()


@dataclass(frozen=True, slots=True)
class Play:
    """One player's transactions, and what the providers' statements say of them."""

    url: str
    engine: Engine
    providers: dict[str, ConfiguredProvider]

    def send(self, slug: str, *callbacks: Callback) -> None:
        for callback in callbacks:
            commit(self.url, self.providers[slug], [callback])
        post_all_at(self.url)

    def state(self, *lines: str) -> FeedCount:
        """Store the lines as one statement of the sportsbook."""
        configured = self.providers["sport"]
        stamped = (f"{line},{NOW:%Y-%m-%dT%H:%M:%SZ}" for line in lines)
        content = "\n".join([HEADER, *stamped, ""])
        read = statement_lines(
            configured.dialect, configured.provider, io.BytesIO(content.encode())
        )
        records = [record for record in read if not isinstance(record, UnreadableRow)]
        assert len(records) == len(lines)
        with self.engine.begin() as connection:
            return store_statement(
                connection,
                "sport",
                records,
                source="day.csv",
                received_at=NOW,
            )

    def run(self, slug: str) -> RunResult:
        window = Window(start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1))
        request = RunRequest(provider=slug, window=window, maturity=timedelta(minutes=1))
        return reconcile(self.url, request, clock=FrozenClock(NOW + timedelta(hours=2)))

    def body_of(self, delivery: int) -> bytes:
        query = text("SELECT body FROM deliveries WHERE delivery_id = :delivery")
        with self.engine.connect() as connection:
            return bytes(connection.execute(query, {"delivery": delivery}).scalar_one())

    def failed_checks(self) -> list[str]:
        return [check.name for check in verify(self.engine) if check.wrong]


@pytest.fixture
def opened(database: str, tmp_path: Path) -> Iterator[Callable[[str], Play]]:
    engine = open_engine(database)
    books = LedgerDatabase(database)
    books.player("42")
    books.close()

    def with_rule(rule: str) -> Play:
        settings = SETTINGS.replace(
            'dialect = "sportsbook"',
            f'dialect = "sportsbook"\noptions = {{rollback_amount = "{rule}"}}',
        )
        return Play(database, engine, providers(tmp_path, settings))

    yield with_rule
    engine.dispose()


def rollback(key: str, original: str, amount: str) -> Callback:
    document = {"transaction_id": key, "rollback_transaction_id": original}
    document |= {"action": "rollback", "user_id": "42", "currency": "USD", "amount": amount}
    return sign_sportsbook("/transaction-rollback", json.dumps(document).encode(), SECRET)


def games(route: str, **fields: object) -> Callback:
    body = json.dumps({"user_agent": "42", **fields}, sort_keys=True, separators=(",", ":"))
    return sign_aggregator(route, body.encode(), SECRET)


def found(result: RunResult) -> list[tuple[BreakKind, int]]:
    return [(break_.kind, break_.difference) for break_ in result.breaks]


def moved(action: str, *, stated: str) -> list[Callback]:
    original = transaction("42", "t1", action=action, amount='"10.00"')
    return [original, rollback("t2", "t1", stated)]


@pytest.mark.parametrize(("action", "sign"), [("bet", -1), ("result", 1)])
@pytest.mark.parametrize("stated", ["4.00", "10.00"])
def test_by_the_rule_of_the_original_a_lesser_rollback_is_a_break(
    opened: Callable[[str], Play], action: str, sign: int, stated: str
) -> None:
    """Whichever of callback and statement says so, or both."""
    play = opened("original")
    play.send("sport", *moved(action, stated=stated))
    play.state(f"t1,{action},42,USD,10.00,", "t2,rollback,42,USD,4.00,t1")

    result = play.run("sport")

    assert found(result) == [(BreakKind.STATUS, sign * 600)]
    assert "owed 6.00 USD" in result.breaks[0].explanation
    assert play.failed_checks() == []


def test_a_partial_rollback_that_is_reported_again_is_no_changed_record(
    opened: Callable[[str], Play],
) -> None:
    play = opened("original")
    play.state("t1,bet,42,USD,10.00,", "t2,rollback,42,USD,4.00,t1")

    again = play.state("t1,bet,42,USD,10.0,", "t2,rollback,42,USD,4.0,t1")
    other = play.state("t1,bet,42,USD,10.0,", "t2,rollback,42,USD,5.0,t1")

    assert (again.changes.count, other.changes.count) == (0, 1)


@pytest.mark.parametrize(("action", "sign"), [("bet", -1), ("result", 1)])
def test_a_lesser_rollback_that_the_statement_tells_in_full_is_a_break_too(
    opened: Callable[[str], Play], action: str, sign: int
) -> None:
    play = opened("original")
    play.send("sport", *moved(action, stated="4.00"))
    play.state(f"t1,{action},42,USD,10.00,", "t2,rollback,42,USD,10.00,t1")

    result = play.run("sport")

    assert found(result) == [(BreakKind.ROUND_TOTAL, sign * 600)]
    assert "for another amount than it had moved" in result.breaks[0].explanation
    assert play.failed_checks() == []


@pytest.mark.parametrize("action", ["bet", "result"])
def test_by_the_rule_of_the_stated_amount_both_books_agree(
    opened: Callable[[str], Play], action: str
) -> None:
    play = opened("stated")
    play.send("sport", *moved(action, stated="4.00"))
    play.state(f"t1,{action},42,USD,10.00,", "t2,rollback,42,USD,4.00,t1")

    assert found(play.run("sport")) == []
    assert play.failed_checks() == []


def test_a_rollback_in_full_is_no_break_under_either_rule(
    opened: Callable[[str], Play],
) -> None:
    for rule in ("original", "stated"):
        play = opened(rule)
        play.send("sport", *moved("bet", stated="10.00"))
        play.state("t1,bet,42,USD,10.00,", "t2,rollback,42,USD,10.00,t1")

        assert found(play.run("sport")) == []


LINES = ("t1,bet,42,USD,10.00,", "t2,rollback,42,USD,4.00,t1", "t3,bet,42,USD,5.00,")


@pytest.mark.parametrize("order", list(itertools.permutations(LINES)))
def test_a_statement_says_the_same_in_every_order_and_in_one_file_or_three(
    opened: Callable[[str], Play], order: Sequence[str]
) -> None:
    play = opened("original")
    for line in order:
        play.state(line)
    in_three = records_of(play)
    play.state(*order)

    assert in_three == [("t1", 1000, False), ("t2", -400, False), ("t3", 500, False)]
    assert records_of(play) == in_three


def records_of(play: Play) -> list[tuple[str, int, bool]]:
    query = "SELECT record_id, stake - payout, rolled_back FROM feed_records ORDER BY record_id"
    with play.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_win_that_repeats_another_stake_is_a_break_with_the_difference(
    opened: Callable[[str], Play],
) -> None:
    play = opened("original")
    play.send("games", games("/bet", balance=5, bet_id="b1"))
    play.send("games", games("/settle-bet", bet=4, balance=20, bet_id="b1"))
    history = {
        "_id": "b1",
        "type": "update",
        "provider": "P",
        "game": "G",
        "game_id": "1",
        "before_balance": 100,
        "after_balance": 115,
        "used_balance": 5,
        "receive_balance": 20,
        "winlose": 15,
        "createdAt": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
        "updatedAt": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
    }
    configured = play.providers["games"]
    pushed = games("/history", **history)
    fact = configured.dialect.parse(
        configured.dialect.verify(pushed, configured.provider), configured.provider
    )
    assert isinstance(fact, HistoryRecord)
    with play.engine.begin() as connection:
        store_statement(connection, "games", [fact], source="push", received_at=NOW)

    assert found(play.run("games")) == [(BreakKind.ROUND_TOTAL, 100)]
    assert play.failed_checks() == []
