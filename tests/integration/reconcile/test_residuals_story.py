"""Accepted residuals from the settings into the books and out again, as commands."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from ledger.checks.run import verify
from ops.cli import app
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import Rules
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.books.ledger import SLUG, accept, bet, open_wallets, round_end, win
from tests.harness.servers.command_line import run_tieout
from tests.harness.servers.receiver import wait_until
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

NOON = datetime(2020, 3, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2020, 3, 2, tzinfo=UTC)
DAYS = Window(start=MIDNIGHT - timedelta(days=1), end=MIDNIGHT + timedelta(days=1))
DAY = ("--provider", SLUG, "--from", "2020-03-01", "--to", "2020-03-02")
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "lottery"
dialect = "aggregator"
currency = "EUR"
secrets = ["literal:secret"]
"""
TOLERANT = SETTINGS + '[providers.tolerance]\nEUR = "0.02"\n'
TOLERATES = Rules(tolerance={"EUR": 2, "USD": 2})
WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'residuals'::regclass AND NOT granted"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``tieout`` against one database: runs in this process, the ledger's in their own."""

    folder: Path
    url: str

    @property
    def settings(self) -> Path:
        return self.folder / "tieout.toml"

    def configure(self, settings: str) -> None:
        self.settings.write_text(settings.format(database=self.url), encoding="utf-8")

    def reconcile(self, *words: str, code: int = 0) -> Any:
        arguments = ["--config", str(self.settings), "reconcile", *words, "--json"]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == code, (done.output, done.exception)
        return json.loads(done.stdout)

    def close(self, *, code: int = 0) -> Any:
        return self.reconcile(*DAY, "--close-day", code=code)

    def ledger(self, *words: str, code: int = 0) -> Any:
        done = run_tieout(self.folder, "ledger", *words, "--json")
        assert done.returncode == code, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    def accounts(self) -> dict[str, str]:
        """Return GGR and the account of differences, after proving the books."""
        assert self.ledger("verify")["clean"] is True
        balance = self.ledger("trial-balance")
        assert set(balance["sums"].values()) == {"0.00"}
        return {
            account["account"]: account["amount"]
            for account in balance["accounts"]
            if account["account"] in {"ggr", "difference"}
        }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def tieout(tmp_path: Path, database: str) -> CommandLine:
    """Accept three rounds, two of which the provider reports differently: by 2 and -1."""
    open_wallets(database, ("ann", 1000))
    theirs = TwoBooks(provider=SLUG)
    rounds = {"r1": (100, 50, 52), "r2": (100, 20, 19), "r3": (70, 0, 0)}
    for name, (stake, payout, paid) in rounds.items():
        accept(
            database,
            bet(f"{name}-b", stake, round_id=name),
            *([win(f"{name}-w", payout, bet_key=f"{name}-b", round_id=name)] if payout else []),
            round_end(f"{name}-e", of=f"{name}-b", staked=stake, paid=payout, round_id=name),
            at=NOON,
        )
        theirs.theirs(name, stake, paid, handle="ann", currency="EUR", at=NOON)
    theirs.write(database)
    line = CommandLine(tmp_path, database)
    line.configure(TOLERANT)
    return line


def test_a_residual_is_booked_once_and_reversed_when_the_tolerance_goes(
    tieout: CommandLine,
) -> None:
    first = tieout.close()
    assert (first["residual"], first["booked"]) == ({"EUR": "0.01"}, {"EUR": "0.01"})
    # Our GGR is 2.00, the provider's 1.99.
    assert tieout.accounts() == {"ggr": "1.99", "difference": "0.01"}
    assert tieout.reconcile("verify", first["run_id"])["verified"] is True

    repeated = tieout.close()
    assert (repeated["residual"], repeated["booked"]) == ({"EUR": "0.01"}, {})
    changes = tieout.reconcile(*DAY, "--incremental")
    assert changes["booked"] == {}
    assert tieout.rows("SELECT count(*) FROM residuals") == [(2,)]

    tieout.configure(SETTINGS)
    strict = tieout.close(code=1)
    assert [(b["round_key"], b["difference"]) for b in strict["breaks"]] == [
        ("r1", "0.02"),
        ("r2", "-0.01"),
    ]
    assert (strict["residual"], strict["booked"]) == ({}, {"EUR": "-0.01"})
    assert tieout.accounts() == {"ggr": "2.00", "difference": "0.00"}
    assert tieout.reconcile("verify", first["run_id"])["verified"] is True
    assert tieout.rows(
        "SELECT round_id, sequence, before, after, corrects, run_id FROM residuals"
        " ORDER BY residual_id"
    ) == [
        ("r1", 1, 0, 2, None, first["run_id"]),
        ("r2", 1, 0, -1, None, first["run_id"]),
        ("r1", 2, 2, 0, 1, strict["run_id"]),
        ("r2", 2, -1, 0, 2, strict["run_id"]),
    ]


def test_standing_residuals_are_listed_by_round_with_the_run_that_booked_them(
    tieout: CommandLine,
) -> None:
    run = tieout.close()["run_id"]
    with psycopg.connect(tieout.url) as connection:
        connection.execute("UPDATE feed_records SET payout = 20 WHERE round_id = 'r2'")
    tieout.close()
    all_residuals = tieout.ledger("residuals")
    (stands,) = tieout.ledger("residuals", "--standing", "--provider", SLUG)
    printed = run_tieout(tieout.folder, "ledger", "residuals", "--round", "r2")
    assert [(r["residual"], r["round"], r["moved"], r["corrects"]) for r in all_residuals] == [
        (3, "r2", "0.01", 2),
        (2, "r2", "-0.01", None),
        (1, "r1", "0.02", None),
    ]
    assert [residual["stands"] for residual in all_residuals] == ["0.00", None, "0.02"]
    assert (stands["round"], stands["run"]) == ("r1", run)
    assert printed.returncode == 0
    assert "r2" in printed.stdout
    assert "r1" not in printed.stdout


def test_a_providers_days_show_the_movements_of_the_account_of_differences(
    tieout: CommandLine,
) -> None:
    tieout.close()
    days = tieout.ledger("statement", "--provider", SLUG)["days"]
    played, booked = days
    assert (played["day"], played["ggr"], played["difference"]) == (
        *("2020-03-01", "2.00", "0.00"),
    )
    assert (booked["ggr"], booked["difference"], booked["clearing"]) == (
        *("-0.01", "0.01", "0.00"),
    )


def test_a_booking_changed_behind_our_back_is_found_by_verifying_its_run(
    tieout: CommandLine,
) -> None:
    run = tieout.close()["run_id"]
    with psycopg.connect(tieout.url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE residuals SET after = 3 WHERE round_id = 'r1'")
    verification = tieout.reconcile("verify", run, code=1)
    assert "what the run booked is not what the books hold of it" in verification["problems"]
    assert _wrong(tieout.url) == {
        "residuals_are_entered": "residual 1",
        "residuals_equal_runs": f"run {run} EUR",
    }


def test_a_run_killed_while_it_books_leaves_nothing_and_the_next_books_once(
    tieout: CommandLine,
) -> None:
    command = [sys.executable, "-m", "ops", "--config", str(tieout.settings), "reconcile", *DAY]
    with psycopg.connect(tieout.url) as holding:
        holding.execute("LOCK TABLE residuals IN SHARE MODE")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
            assert wait_until(lambda: tieout.rows(WAITING) == [(1,)])
            assert run.poll() is None
            run.kill()
    assert tieout.close()["booked"] == {"EUR": "0.01"}
    assert tieout.rows("SELECT count(*) FROM runs") == [(1,)]
    assert tieout.rows("SELECT sum(after) FROM residuals") == [(1,)]
    assert _wrong(tieout.url) == {}


def _wrong(url: str) -> dict[str, str | None]:
    """Return the first wrong row of each failed check."""
    engine = open_engine(url, pool_size=1)
    try:
        return {check.name: check.first for check in verify(engine) if check.wrong}
    finally:
        engine.dispose()


def _run(
    url: str,
    window: Window,
    *,
    provider: str = SLUG,
    at: int = 0,
    rules: Rules = TOLERATES,
) -> RunResult:
    return reconcile(
        url,
        RunRequest(
            provider=provider,
            window=window,
            maturity=timedelta(minutes=15),
            rules=rules,
        ),
        clock=FrozenClock(MIDNIGHT + timedelta(days=9, seconds=at)),
    )


def test_runs_at_once_over_windows_that_overlap_book_each_residual_once(
    tieout: CommandLine,
) -> None:
    other = TwoBooks(provider="other")
    other.ours("r1", 100, 50, at=NOON)
    other.theirs("r1", 100, 51, at=NOON)
    other.write(tieout.url)
    parts = [
        (Window(start=DAYS.start + timedelta(hours=n), end=DAYS.end), provider, n)
        for n in range(3)
        for provider in (SLUG, "other")
    ]
    with ThreadPoolExecutor(len(parts)) as pool:
        results = list(
            pool.map(
                lambda part: _run(tieout.url, part[0], provider=part[1], at=part[2]), parts
            )
        )
    assert sum(result.booked.get("EUR", 0) for result in results) == 1
    assert sum(result.booked.get("USD", 0) for result in results) == 1
    assert tieout.rows(
        "SELECT provider, round_id, sequence, after FROM residuals ORDER BY 1, 2"
    ) == [("lottery", "r1", 1, 2), ("lottery", "r2", 1, -1), ("other", "r1", 1, 1)]


def test_each_player_share_of_a_round_is_booked(database: str) -> None:
    books = TwoBooks(provider=SLUG)
    for player, paid in (("ann", 51), ("bob", 48)):
        books.ours("table", 100, 50, player=player, at=NOON)
        books.theirs("table", 100, paid, record_id=f"t-{player}", handle=player, at=NOON)
    books.write(database)
    assert _run(database, DAYS).booked == {"USD": -1}
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT round_id, player, after FROM residuals ORDER BY player"
        ).fetchall()
    assert rows == [("table", "ann", 1), ("table", "bob", -2)]


def test_a_round_matched_across_midnight_is_booked_and_reversed_by_either_day(
    database: str,
) -> None:
    """Without our round ids, the round is ours on one day and the provider's on the next."""
    open_wallets(database, ("ann", 1000))
    lost = (bet("r1-b", 100), round_end("r1-e", of="r1-b", staked=100))
    accept(database, *lost, at=MIDNIGHT - timedelta(seconds=30))
    theirs = TwoBooks(provider=SLUG)
    at = MIDNIGHT + timedelta(seconds=30)
    theirs.theirs("history:1", 100, 1, record_id="1", handle="ann", currency="EUR", at=at)
    theirs.write(database)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE feed_records SET balance_before = 1000")
    first = Window(start=DAYS.start, end=MIDNIGHT)
    second = Window(start=MIDNIGHT, end=DAYS.end)
    tolerant = Rules(attributes=True, tolerance={"EUR": 2})
    strict = Rules(attributes=True)

    requests = ((second, tolerant), (first, tolerant), (second, strict), (first, tolerant))
    results = [
        _run(database, window, at=number, rules=rules)
        for number, (window, rules) in enumerate(requests)
    ]

    assert [result.booked for result in results] == [{"EUR": 1}, {}, {"EUR": -1}, {"EUR": 1}]
    assert [len(result.breaks) for result in results] == [0, 0, 1, 0]
    assert _wrong(database) == {}
