"""The cross-checks of journal, balance chains and the provider's log, on a real database."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.runs.verify import verify_run
from vocabulary.clock import FrozenClock
from vocabulary.errors import Refused
from vocabulary.facts import Bet, Operation
from vocabulary.ids import match_key
from vocabulary.money import Money
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENING = datetime(2026, 3, 1, 20, tzinfo=UTC)

_OPERATION = """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
    currency, stake, payout, amount, balance_after, round_id, match_key, refers_to, ends_round,
    fingerprint, route, headers, body, reply_status, reply, occurred_at, received_at)
SELECT wallet_id, %(seq)s, %(batch)s, 'agg', %(key)s, %(kind)s, 'accepted', 'USD', %(stake)s,
       %(payout)s, %(payout)s - %(stake)s, %(balance)s, %(round)s, %(match)s, %(refers)s, true,
       decode(md5(%(key)s), 'hex'), '', '', '', 200, 'ok', NULL, %(at)s
  FROM wallets WHERE player = %(player)s
"""
_DELIVERY = """
INSERT INTO deliveries (batch_id, provider, route, op_key, verdict, headers, body,
                        reply_status, reply, received_at)
VALUES (%s, 'agg', '', %s, %s, '', '', 409, '', %s)
"""
_RECORD = """
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
    payout, rolled_back, balance_before, created_at, updated_at, received_at, source)
VALUES ('agg', %s, %s, %s, %s, 'USD', %s, %s, false, %s, %s, %s, %s, 'push')
"""
#: A record that a statement had twice, and then left out.
_WITHDRAWN = """
INSERT INTO feed_withdrawals (provider, feed, record_id, occurrence, event, round_id,
                              match_key, handle, currency, stake, payout, rolled_back,
                              created_at, updated_at, source, received_at, changed_by,
                              changed_no, changed_at)
SELECT 'agg', 'statement', %(key)s, n, 'withdrawn', %(key)s, %(match)s, 'alice', 'USD', 70, 0,
       false, %(at)s, %(at)s, 'may.csv', %(at)s, 'june.csv', 1, %(at)s
  FROM generate_series(1, 2) AS n
"""
_LOGGED = """
INSERT INTO provider_deliveries (provider, webhook_id, delivery_id, event_type, payload,
    response_code, response_body, success, attempted_at, retry_count, pulled_at)
VALUES ('agg', 'w', %s, 'open-round', %s, %s, %s, %s, %s, 0, %s)
"""


@dataclass(slots=True)
class Journal:
    """Operations accepted one after another in one wallet, and the rows of all cross-checks."""

    url: str
    player: str = "alice"
    seq: int = 0
    balance: int = 1000
    read_logged: Callable[[bytes], Operation | None] | None = field(default=None)

    def opens(self) -> "Journal":
        self.execute("INSERT INTO players (player) VALUES (%s)", self.player)
        self.execute(
            "INSERT INTO wallets (player, currency, balance, seq) VALUES (%s, 'USD', 0, 0)",
            self.player,
        )
        self.batch()
        return self

    def batch(self) -> None:
        self.execute("INSERT INTO batches (operations) VALUES (1)")

    def operation(
        self,
        key: str,
        stake: int = 0,
        payout: int = 0,
        *,
        kind: str = "bet",
        refers: str = "",
        round_id: str = "",
    ) -> None:
        self.seq += 1
        self.balance += payout - stake
        values = {"seq": self.seq, "key": key, "kind": kind, "stake": stake, "payout": payout}
        name = round_id or refers or key
        values |= {"player": self.player}
        values |= {"balance": self.balance, "round": name, "match": match_key("agg", name)}
        values |= {"refers": refers or None, "at": NOON + timedelta(seconds=self.seq)}
        with psycopg.connect(self.url) as connection:
            (batch,) = connection.execute("SELECT max(batch_id) FROM batches").fetchone() or (
                1,
            )
            connection.execute(_OPERATION, {**values, "batch": batch})
            connection.execute(
                "UPDATE wallets SET balance = %s WHERE player = %s", (self.balance, self.player)
            )

    def delivered(self, key: str, verdict: str) -> None:
        self.execute(_DELIVERY, 1, key, verdict, NOON + timedelta(minutes=1))

    def record(
        self,
        name: str,
        stake: int,
        payout: int = 0,
        before: int | None = None,
        *,
        round_id: str = "",
    ) -> None:
        round_id = round_id or name
        names = (name, round_id, match_key("agg", round_id), self.player)
        self.execute(_RECORD, *names, stake, payout, before, NOON, NOON, NOON)

    def logged(self, key: str, code: int | None, body: bytes = b"ok") -> None:
        good = code == 200
        self.execute(_LOGGED, key, key.encode(), code, body, good, NOON, NOON)

    def execute(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode(), values)

    def run(self, now: datetime = EVENING) -> RunResult:
        return reconcile(
            self.url,
            RunRequest(
                provider="agg",
                window=DAY,
                maturity=timedelta(minutes=15),
                read_logged=self.read_logged,
            ),
            clock=FrozenClock(now),
        )


@pytest.fixture
def journal(database: str) -> Journal:
    return Journal(database).opens()


def _found(result: RunResult) -> list[tuple[str, str, int]]:
    return [(str(b.kind), b.round_id, b.difference) for b in result.breaks]


def _bet(body: bytes) -> Operation:
    name = body.decode()
    return Bet(
        key=name, handle="alice", amount=Money(70, "USD"), round_id=name, occurred_at=None
    )


def test_a_changed_repeat_is_one_conflict_however_often_it_comes(journal: Journal) -> None:
    journal.operation("b1", stake=100)
    journal.record("b1", 100)
    journal.delivered("b1", "conflict")
    journal.delivered("b1", "conflict")
    result = journal.run()
    assert _found(result) == [("idempotency_conflict", "b1", 0)]
    assert "again 2 times with other content" in result.breaks[0].explanation
    assert len(result.breaks[0].evidence["deliveries"]) == 2


def test_a_conflict_of_a_round_that_differs_is_no_break_of_its_own(
    journal: Journal,
) -> None:
    journal.operation("b1", stake=100)
    journal.record("b1", 130)
    journal.delivered("b1", "conflict")
    assert _found(journal.run()) == [("stake_mismatch", "b1", -30)]


def test_a_rollback_of_nothing_is_an_orphan_until_its_original_comes_late(
    journal: Journal,
) -> None:
    journal.operation("undo", kind="rollback", refers="b1")
    journal.operation("b1", kind="tombstone")
    assert _found(journal.run()) == [("orphan_rollback", "b1", 0)]
    journal.delivered("b1", "rolled_back")
    assert _found(journal.run()) == [("late_original", "b1", 0)]


def test_a_wallet_below_zero_is_owed_to_the_operator_until_it_is_not(journal: Journal) -> None:
    journal.operation("b1", stake=1300)
    journal.record("b1", 1300)
    assert _found(journal.run()) == [("negative_balance", "b1", -300)]
    journal.batch()
    journal.operation("w1", payout=500, kind="win")
    journal.record("w1", 0, 500)
    assert _found(journal.run()) == []


def test_one_wrong_balance_is_one_gap_and_a_lasting_shift_is_one_too(
    journal: Journal,
) -> None:
    balances = []
    for name in ("r1", "r2", "r3", "r4", "r5"):
        balances.append(journal.balance)
        journal.operation(name, stake=10)
    for name, before, off in zip(
        ("r1", "r2", "r3", "r4", "r5"), balances, (0, 7, 0, -40, -40), strict=True
    ):
        journal.record(name, 10, before=before + off)
    assert _found(journal.run()) == [
        ("balance_chain_gap", "r2", 7),
        ("balance_chain_gap", "r4", -40),
    ]


def test_players_of_one_round_below_zero_are_a_break_each(journal: Journal) -> None:
    other = Journal(journal.url, player="bob").opens()
    for one, stake in ((journal, 1300), (other, 1200)):
        one.operation(f"{one.player}-b1", stake=stake, round_id="r1")
        one.record(f"{one.player}-b1", stake, round_id="r1")

    first, again = journal.run(), journal.run()

    assert sorted(_found(first)) == [
        ("negative_balance", "r1", -300),
        ("negative_balance", "r1", -200),
    ]
    assert {b.id for b in first.breaks} == {b.id for b in again.breaks}


def test_players_of_one_round_with_wrong_balances_are_a_break_each(journal: Journal) -> None:
    other = Journal(journal.url, player="bob").opens()
    for one, off in ((journal, 7), (other, -40)):
        one.operation(f"{one.player}-b1", stake=10, round_id="r1")
        one.record(f"{one.player}-b1", 10, before=1000 + off, round_id="r1")

    assert sorted(_found(journal.run())) == [
        ("balance_chain_gap", "r1", -40),
        ("balance_chain_gap", "r1", 7),
    ]


def test_a_player_whose_books_differ_hides_no_finding_of_another_in_the_round(
    journal: Journal,
) -> None:
    journal.read_logged = _bet_of_bob
    other = Journal(journal.url, player="bob").opens()
    for one, reported in ((journal, 130), (other, 100)):
        one.operation(f"{one.player}-b1", stake=100, round_id="r1")
        one.record(f"{one.player}-b1", reported, before=1000, round_id="r1")
    other.execute("UPDATE feed_records SET balance_before = 1007 WHERE handle = 'bob'")
    for player in ("alice", "bob"):
        journal.delivered(f"{player}-b1", "conflict")
    journal.logged("bob-b2", 200)

    assert _found(journal.run()) == [
        ("stake_mismatch", "r1", -30),
        ("balance_chain_gap", "r1", 7),
        ("delivery_missing", "r1", -70),
        ("idempotency_conflict", "r1", 0),
    ]


def _bet_of_bob(body: bytes) -> Operation:
    amount = Money(70, "USD")
    return Bet(key=body.decode(), handle="bob", amount=amount, round_id="r1", occurred_at=None)


def test_an_original_that_was_repeated_and_left_out_is_one_vanished_original(
    journal: Journal,
) -> None:
    journal.record("undo", 70, round_id="b1")
    journal.execute("UPDATE feed_records SET rolled_back = true")
    with psycopg.connect(journal.url) as connection:
        values = {"key": "b1", "match": match_key("agg", "b1"), "at": NOON}
        connection.execute(_WITHDRAWN.encode(), values)

    assert _found(journal.run()) == [("orphan_rollback", "b1", 0)]


def test_a_balance_that_follows_a_round_we_never_booked_is_no_gap(journal: Journal) -> None:
    journal.operation("r1", stake=10)
    journal.record("r1", 10, before=1000)
    journal.record("lost", 25, before=990)
    journal.operation("r2", stake=10)
    journal.record("r2", 10, before=965)
    assert _found(journal.run()) == [("missing_in_ledger", "lost", -25)]


def test_the_providers_log_is_the_third_side(journal: Journal) -> None:
    journal.read_logged = _bet
    for name in ("agreed", "disputed", "not-received"):
        journal.operation(name, stake=70)
        journal.record(name, 70)
    journal.logged("agreed", 200)
    journal.logged("disputed", 200, b"another answer")
    journal.logged("not-received", None, b"")
    journal.logged("never-came", 200)
    journal.logged("reported-and-never-came", 200)
    journal.record("reported-and-never-came", 70)
    assert _found(journal.run()) == [
        ("missing_in_ledger", "reported-and-never-came", -70),
        ("delivery_disputed", "disputed", 0),
        ("delivery_missing", "never-came", -70),
        ("delivery_disputed", "not-received", 0),
    ]


def test_evidence_names_operations_and_records(journal: Journal) -> None:
    journal.operation("b1", stake=100)
    journal.record("b1", 130)
    (break_,) = journal.run().breaks
    assert break_.evidence["operations"] == ["b1"]
    assert break_.evidence["records"] == ["b1"]


def test_a_run_is_verified_and_names_what_was_reported_since(journal: Journal) -> None:
    journal.operation("b1", stake=100)
    journal.record("b1", 130)
    run = journal.run()
    verification = verify_run(journal.url, run.run_id)
    assert (verification.problems, verification.verified) == ((), True)
    assert all(check.same for check in verification.checks)

    journal.batch()
    journal.operation("b2", stake=5)
    journal.run(EVENING + timedelta(hours=1))
    verification = verify_run(journal.url, run.run_id)
    assert verification.problems == (
        "the rows of ours are not those of the run: 1 reported again since",
    )
    assert [row["name"] for side in verification.changed for row in side.named] == ["b2"]


def test_a_row_changed_behind_our_back_is_reported_as_such(journal: Journal) -> None:
    journal.operation("b1", stake=100)
    journal.record("b1", 130)
    run = journal.run()
    journal.execute("UPDATE feed_records SET stake = 131")
    verification = verify_run(journal.url, run.run_id)
    assert verification.problems == (
        "the rows of theirs changed although nothing was received since",
    )


def test_a_run_that_compared_the_providers_log_is_not_verified_without_it(
    journal: Journal,
) -> None:
    journal.read_logged = lambda _body: None
    run = journal.run()

    assert verify_run(journal.url, run.run_id, readers={"agg": journal.read_logged}).verified
    (problem,) = verify_run(journal.url, run.run_id).problems
    assert problem.startswith("the run compared the callback log of agg, which cannot be read")


def test_an_unknown_run_is_refused(journal: Journal) -> None:
    with pytest.raises(Refused, match="no run 'run-x'"):
        verify_run(journal.url, "run-x")


def test_a_wallet_that_is_no_longer_below_zero_is_named_by_a_verification(
    journal: Journal,
) -> None:
    journal.operation("b1", stake=1300)
    journal.record("b1", 1300)
    run = journal.run()
    journal.batch()
    journal.seq = 24 * 3600  # on the next day
    journal.operation("w1", payout=500, kind="win")

    verification = verify_run(journal.url, run.run_id)

    assert verification.problems == (
        "findings by_witness differ: 1 of what cross-checks read came since",
    )
    assert [row["name"] for side in verification.changed for row in side.named] == ["w1"]
