"""The commands over stored runs: verified, without our round ids, and with unread feeds."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from vocabulary.ids import match_key

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = "transaction_id,action,user_id,currency,amount,rollback_transaction_id,created_at\n"
BET = "t-1,bet,alice,USD,5.00,,2026-03-01T10:00:00Z\n"
RAISED = "t-1,bet,alice,USD,6.00,,2026-03-01T10:00:00Z\n"
DAY = ("--from", "2026-03-01", "--to", "2026-03-02")
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "sportsbook"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[providers.feed]
stale_after = "2h"
[[providers]]
slug = "unnamed"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
[providers.tolerance]
USD = "0.05"
[providers.options]
history_id_is_bet_id = false
"""
_OPERATION = """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
    currency, stake, payout, amount, balance_after, round_id, match_key, ends_round,
    fingerprint, route, headers, body, reply_status, reply, received_at)
SELECT wallet_id, %(seq)s, 1, 'unnamed', %(key)s, 'bet', 'accepted', 'USD', %(stake)s,
       %(payout)s, %(payout)s - %(stake)s, %(balance)s, %(key)s, %(match)s, true,
       decode(md5(%(key)s), 'hex'), '', '', '', 200, 'ok', %(at)s
  FROM wallets
"""
_RECORD = """
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
    payout, rolled_back, balance_before, created_at, updated_at, received_at, source)
VALUES ('unnamed', %(id)s, %(round)s, %(match)s, 'alice', 'USD', %(stake)s, %(payout)s, false,
        %(before)s, %(at)s, %(at)s, %(at)s, 'push')
"""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``tieout`` in this process, against one database."""

    folder: Path
    url: str

    def run(self, *words: str) -> Result:
        settings = str(self.folder / "tieout.toml")
        return CliRunner().invoke(app, ["--config", settings, *words])

    def json(self, *words: str, code: int) -> Any:
        done = self.run(*words, "--json")
        assert done.exit_code == code, (done.output, done.exception)
        return json.loads(done.stdout)

    def reconciled(self, slug: str, *, code: int) -> Any:
        return self.json("reconcile", "--provider", slug, *DAY, code=code)

    def imported(
        self, *lines: str, name: str = "day.csv", options: tuple[str, ...] = ()
    ) -> Result:
        path = self.folder / name
        path.write_text("".join(lines), encoding="utf-8")
        return self.run("feed", "import", str(path), "--provider", "sportsbook", *options)

    def execute(self, statement: str, values: Any = None) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode(), values)


@pytest.fixture
def tieout(tmp_path: Path, database: str) -> CommandLine:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database), encoding="utf-8")
    return CommandLine(tmp_path, database)


def test_a_run_is_verified_until_the_provider_restates_its_rows(tieout: CommandLine) -> None:
    assert tieout.imported(HEADER, BET).exit_code == 0
    run = tieout.reconciled("sportsbook", code=1)["run_id"]
    output = tieout.json("reconcile", "verify", run, code=0)
    assert (output["verified"], output["problems"]) == (True, [])
    tieout.imported(HEADER, RAISED, name="again.csv", options=("--restates",))
    output = tieout.json("reconcile", "verify", run, code=1)
    assert output["problems"] == [
        "the rows of theirs are not those of the run: 1 reported again since"
    ]
    assert [row["name"] for side in output["changed"] for row in side["named"]] == ["t-1"]


def test_a_row_changed_behind_the_feeds_back_is_reported_as_such(tieout: CommandLine) -> None:
    tieout.imported(HEADER, BET)
    run = tieout.reconciled("sportsbook", code=1)["run_id"]
    tieout.execute("UPDATE feed_records SET stake = stake + 1")
    done = tieout.run("reconcile", "verify", run)
    assert done.exit_code == 1
    assert "the rows of theirs changed although nothing was received since" in done.stdout
    assert f"run {run}: NOT VERIFIED" in done.stdout


def test_a_run_that_does_not_exist_is_a_usage_error(tieout: CommandLine) -> None:
    done = tieout.run("reconcile", "verify", "run-nobody")
    assert done.exit_code == 2
    assert "no run 'run-nobody'" in done.output


def test_a_run_reports_what_it_did_not_read(tieout: CommandLine) -> None:
    tieout.imported("<html><body>Bad gateway</body></html>\n", name="page.csv")
    output = tieout.reconciled("sportsbook", code=0)
    kinds = {gap["kind"]: gap for gap in output["unread"]}
    assert set(kinds) == {"not_a_statement", "stale_feed"}
    assert kinds["not_a_statement"]["file"] == "page.csv"
    assert kinds["stale_feed"]["detail"] == "no feed has delivered anything"
    done = tieout.run("reconcile", "--provider", "sportsbook", *DAY)
    assert "not read: not_a_statement" in done.stdout
    assert "page.csv" in done.stdout


def test_a_feed_that_stops_within_the_window_is_named_with_its_last_record(
    tieout: CommandLine,
) -> None:
    tieout.imported(HEADER, BET)
    (stale,) = tieout.reconciled("sportsbook", code=1)["unread"]
    assert (stale["kind"], stale["from"][:16]) == ("stale_feed", "2026-03-01T10:00")


def test_a_history_without_our_round_ids_is_matched_by_balances_and_amounts(
    tieout: CommandLine,
) -> None:
    _play(tieout, [(100, 0), (100, 250), (100, 0), (70, 0)])
    _report(tieout, [(100, 0, 10_000), (100, 280, 9_900), (100, 0, None)])
    output = tieout.reconciled("unnamed", code=1)
    breaks = [
        (b["kind"], b["round_key"], b["alias"], b["difference"]) for b in output["breaks"]
    ]
    assert breaks == [
        ("payout_mismatch", "r1", "history:h1", "0.30"),
        ("missing_at_provider", "r3", "", "0.70"),
    ]
    assert output["matched"] == 2
    (payout,) = (b for b in output["breaks"] if b["kind"] == "payout_mismatch")
    assert payout["evidence"]["records"] == ["h1"]
    assert payout["evidence"]["operations"] == ["r1"]
    assert tieout.json("reconcile", "verify", output["run_id"], code=0)["verified"]
    parts = ("--partitions", "7")
    repeated = tieout.json("reconcile", "--provider", "unnamed", *DAY, *parts, code=1)
    assert repeated["breaks"] == output["breaks"]


def test_a_tolerance_accepts_small_differences_and_sums_them(
    tieout: CommandLine,
) -> None:
    _play(tieout, [(100, 0), (100, 250), (100, 0)])
    _report(tieout, [(100, 5, 10_000), (102, 250, 9_900), (100, 6, 10_050)])
    output = tieout.reconciled("unnamed", code=1)
    breaks = [(b["kind"], b["round_key"], b["difference"]) for b in output["breaks"]]
    assert breaks == [("payout_mismatch", "r2", "0.06")]
    assert output["residual"] == {"USD": "0.03"}
    done = tieout.run("reconcile", "--provider", "unnamed", *DAY)
    assert "within the tolerance: 0.03 USD" in done.stdout


def _play(tieout: CommandLine, parts: list[tuple[int, int]]) -> None:
    """Accept rounds of one player, one after the other, from a balance of 100.00."""
    balance = 10_000
    tieout.execute("INSERT INTO players (player) VALUES ('alice')")
    tieout.execute(
        "INSERT INTO wallets (player, currency, balance, seq) VALUES ('alice', 'USD', 10000, 0)"
    )
    tieout.execute("INSERT INTO batches (operations) VALUES (1)")
    for number, (stake, payout) in enumerate(parts):
        balance += payout - stake
        values = {"seq": number + 1, "key": f"r{number}", "stake": stake, "payout": payout}
        values |= {"balance": balance, "at": NOON + timedelta(seconds=10 * number)}
        tieout.execute(_OPERATION, {**values, "match": match_key("unnamed", f"r{number}")})
    tieout.execute("UPDATE wallets SET balance = %s, seq = %s", (balance, len(parts)))


def _report(tieout: CommandLine, parts: list[tuple[int, int, int | None]]) -> None:
    for number, (stake, payout, before) in enumerate(parts):
        name = f"history:h{number}"
        values = {"id": f"h{number}", "round": name, "match": match_key("unnamed", name)}
        values |= {"stake": stake, "payout": payout, "before": before}
        tieout.execute(_RECORD, {**values, "at": NOON + timedelta(seconds=10 * number + 1)})
