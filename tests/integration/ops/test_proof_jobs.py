"""What the scheduler proves by itself: days sealed, books verified, balances kept, a replay."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ledger.posting.posting import post_all_at
from ledger.replay.report import ReplayWindow
from ops.metrics.proofs import proof_samples
from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.proof_jobs import SETTLES, proof_jobs, prove_books
from ops.settings.loader import load
from ops.settings.model import Settings
from storage.engine import open_engine
from storage.proofs import (
    NOTHING,
    ProofKind,
    ProofRun,
    last_proofs,
    record_proof,
    standing_findings,
)
from tests.harness.books.delivered import bet, commit, providers
from tests.harness.servers.receiver import SETTINGS, LedgerDatabase
from tests.harness.tampering.replay import tamper
from vocabulary.clock import SystemClock

ROUNDS = SETTINGS + '\n[proofs]\nevery = "1h"\n'
#: The columns that hold instants of the past, by table.
INSTANTS = {
    "batches": ("committed_at", "posted_at"),
    "operations": ("received_at",),
    "rounds": ("first_at", "last_at"),
}


class Books:
    """A wallet, its bets of two days ago, and the settings of a scheduler that proves."""

    def __init__(self, database: str, engine: Engine, folder: Path) -> None:
        self.url, self.engine, self._folder = database, engine, folder
        self.ledger = LedgerDatabase(database)
        self.ledger.player("42")
        self.bet("OP-1", "OP-2")
        self._proven_at = SystemClock().now()

    @property
    def settings(self) -> Settings:
        path = self._folder / "tieout.toml"
        path.write_text(ROUNDS)
        return load(path, {})

    def bet(self, *keys: str) -> None:
        sport = providers(self._folder)["sport"]
        commit(self.url, sport, [bet("42", key) for key in keys])

    def age(self, *tables: str) -> None:
        """Make the rows of tables two days older."""
        for table in tables:
            columns = ", ".join(f"{c} = {c} - interval '2 days'" for c in INSTANTS[table])
            tamper(self.url, f"UPDATE {table} SET {columns}")

    def prove(self, slot: str = "0") -> dict[ProofKind, ProofRun]:
        prove_books(self.url, self.settings, slot)
        with self.engine.connect() as connection:
            return last_proofs(connection)

    def proven(self, kind: ProofKind, scope: str, *, is_clean: bool) -> None:
        """Keep a result, a second after the one before."""
        self._proven_at += timedelta(seconds=1)
        run = ProofRun(
            kind=kind,
            scope=scope,
            started_at=self._proven_at,
            finished_at=self._proven_at,
            is_clean=is_clean,
            detail="",
        )
        record_proof(self.engine, run)

    def clean(self, kind: ProofKind) -> float:
        return self.metric("proof_clean")[kind.value]

    def metric(self, name: str, *, later: timedelta = timedelta(0)) -> dict[str, float]:
        """The values of one metric by kind of proof."""
        with self.engine.connect() as connection:
            samples = list(
                proof_samples(connection, self.settings, SystemClock().now() + later)
            )
        return {
            "".join(each.labels): each.value
            for each in samples
            if each.name == f"tieout_{name}"
        }


@pytest.fixture
def books(database: str, tmp_path: Path) -> Iterator[Books]:
    engine = open_engine(database, pool_size=2)
    opened = Books(database, engine, tmp_path)
    yield opened
    opened.ledger.close()
    engine.dispose()


def settled_days() -> int:
    """How many days since the bets are sealed: not yesterday, right after midnight."""
    now = SystemClock().now()
    return 2 if (now - SETTLES).date() == now.date() else 1


def test_a_round_seals_verifies_checkpoints_and_replays_and_the_next_one_goes_on(
    books: Books,
) -> None:
    post_all_at(books.url)
    books.age(*INSTANTS)
    assert books.metric("days_unsealed") == {"": 2}

    first = books.prove()
    settled = settled_days()

    assert {kind for kind, run in first.items() if run.is_clean} == set(ProofKind) - {
        ProofKind.RECHECK
    }
    assert len(first[ProofKind.SEAL].scope.split(", ")) == settled
    assert first[ProofKind.VERIFY].scope == ""
    assert first[ProofKind.CHECKPOINT].detail == "1 wallet checkpointed"
    assert first[ProofKind.REPLAY].detail.endswith("0 rows differ")
    assert books.ledger.rows("SELECT count(*) FROM seals") == [(settled,)]
    assert books.ledger.rows("SELECT balance FROM checkpoints") == [(9_800,)]
    assert books.metric("days_unsealed") == {"": 2 - settled}
    assert set(books.metric("proof_overdue").values()) == {0}
    assert books.metric("proof_overdue", later=timedelta(hours=4)) == {
        "seal": 1,
        "verify": 1,
        "replay": 1,
        "checkpoint": 0,
    }

    books.bet("OP-3")
    post_all_at(books.url)
    tamper(books.url, "UPDATE wallets SET balance = balance + 1")
    (job,) = proof_jobs(books.settings, books.url, ChildJobs())
    job.run("1")

    with books.engine.connect() as connection:
        second = last_proofs(connection)
    assert second[ProofKind.SEAL].is_clean
    assert second[ProofKind.SEAL].scope == ""
    assert second[ProofKind.CHECKPOINT] == first[ProofKind.CHECKPOINT]
    assert second[ProofKind.VERIFY].scope.startswith("wallets that moved since")
    assert not second[ProofKind.VERIFY].is_clean
    assert books.metric("proof_clean")["verify"] == 0


def test_a_round_verifies_from_the_month_end_on_and_compares_it(books: Books) -> None:
    post_all_at(books.url)
    tamper(
        books.url,
        "INSERT INTO month_ends SELECT '2020-01-01', '2020-02-01 00:00+00', 0,"
        " month_end_digest(), 'no seal', 'no archive'",
    )

    run = books.prove()[ProofKind.VERIFY]

    assert run.scope == "from the month end of 2020-02-01T00:00:00+00:00 on"
    assert (run.is_clean, run.detail) == (False, "month_ends_are_tied: 1 wrong")


def test_a_day_with_a_batch_that_is_not_posted_is_a_finding_and_no_failure(
    books: Books,
) -> None:
    books.age("batches", "operations")

    proofs = books.prove()

    assert not proofs[ProofKind.SEAL].is_clean
    assert "of its batches are not posted" in proofs[ProofKind.SEAL].detail
    assert ProofKind.CHECKPOINT not in proofs
    assert proofs[ProofKind.REPLAY].is_clean


def test_nothing_is_proven_by_itself_unless_the_settings_say_so(database: str) -> None:
    assert proof_jobs(Settings(), database, ChildJobs()) == []


def test_a_finding_stands_until_a_proof_covers_the_rows_that_it_read(books: Books) -> None:
    proven, clean = books.proven, books.clean
    verify, replay, seal = ProofKind.VERIFY, ProofKind.REPLAY, ProofKind.SEAL
    sample = "from 2026-06-04T09:00:00Z, to 2026-06-04T10:00:00Z"

    proven(verify, "", is_clean=False)
    proven(verify, "wallets that moved since 2026-06-04T00:00:00+00:00", is_clean=True)
    proven(replay, sample, is_clean=False)
    proven(replay, "from 2026-06-05T09:00:00Z, to 2026-06-05T10:00:00Z", is_clean=True)
    proven(seal, NOTHING, is_clean=False)
    assert (clean(verify), clean(replay), clean(seal)) == (0, 0, 0)
    with books.engine.connect() as connection:
        assert standing_findings(connection)[verify].scope == ""

    proven(verify, "", is_clean=True)
    proven(replay, sample, is_clean=True)
    proven(seal, "2026-06-04", is_clean=True)
    assert (clean(verify), clean(replay), clean(seal)) == (1, 1, 1)

    proven(verify, NOTHING, is_clean=False)
    proven(verify, "wallets 1 to 2", is_clean=True)
    assert clean(verify) == 1


def test_a_proof_from_the_month_end_answers_findings_only_once_older_rows_left(
    books: Books,
) -> None:
    from_month_end = "from the month end of 2026-06-01T00:00:00+00:00 on"
    books.proven(ProofKind.VERIFY, "", is_clean=False)
    books.proven(ProofKind.VERIFY, from_month_end, is_clean=True)
    assert books.clean(ProofKind.VERIFY) == 0

    tamper(
        books.url,
        "INSERT INTO archived_row_months (month, at)"
        " VALUES ('2026-05-01', '2026-06-01T00:00:00Z')",
    )
    assert books.clean(ProofKind.VERIFY) == 1


def test_a_replay_names_the_rows_that_it_covers() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    end = start + timedelta(hours=1)

    assert ReplayWindow(since=start, until=end, month_end=start).text == (
        "from 2026-06-01T00:00:00Z, to 2026-06-01T01:00:00Z"
    )
    assert ReplayWindow(since=start, month_end=start).text == (
        "from the month end of 2026-06-01T00:00:00Z on"
    )
