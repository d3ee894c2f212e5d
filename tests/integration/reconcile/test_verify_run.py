"""The commands over stored runs: asked again, without names, and what was not read."""

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
class Desk:
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
        self, *lines: str, name: str = "day.csv", also: tuple[str, ...] = ()
    ) -> Result:
        path = self.folder / name
        path.write_text("".join(lines), encoding="utf-8")
        return self.run("feed", "import", str(path), "--provider", "sportsbook", *also)

    def execute(self, statement: str, values: Any = None) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode(), values)


@pytest.fixture
def desk(tmp_path: Path, database: str) -> Desk:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database), encoding="utf-8")
    return Desk(tmp_path, database)


def test_a_run_is_verified_until_the_provider_tells_its_rows_otherwise(desk: Desk) -> None:
    assert desk.imported(HEADER, BET).exit_code == 0
    run = desk.reconciled("sportsbook", code=1)["run_id"]
    told = desk.json("reconcile", "verify", run, code=0)
    assert (told["verified"], told["problems"]) == (True, [])
    desk.imported(HEADER, RAISED, name="again.csv", also=("--restates",))
    told = desk.json("reconcile", "verify", run, code=1)
    assert told["problems"] == ["the rows of theirs are not those of the run: 1 told since"]
    assert [one["name"] for side in told["changed"] for one in side["named"]] == ["t-1"]


def test_a_row_changed_behind_the_feeds_back_is_named_as_just_that(desk: Desk) -> None:
    desk.imported(HEADER, BET)
    run = desk.reconciled("sportsbook", code=1)["run_id"]
    desk.execute("UPDATE feed_records SET stake = stake + 1")
    done = desk.run("reconcile", "verify", run)
    assert done.exit_code == 1
    assert "the rows of theirs changed without a telling of their own" in done.stdout
    assert f"run {run}: NOT VERIFIED" in done.stdout


def test_a_run_that_does_not_exist_is_a_usage_error(desk: Desk) -> None:
    done = desk.run("reconcile", "verify", "run-nobody")
    assert done.exit_code == 2
    assert "no run 'run-nobody'" in done.output


def test_a_run_says_what_it_did_not_read(desk: Desk) -> None:
    desk.imported("<html><body>Bad gateway</body></html>\n", name="page.csv")
    told = desk.reconciled("sportsbook", code=0)
    kinds = {each["kind"]: each for each in told["unread"]}
    assert set(kinds) == {"not_a_statement", "stale_feed"}
    assert kinds["not_a_statement"]["file"] == "page.csv"
    assert kinds["stale_feed"]["detail"] == "no feed has delivered anything"
    done = desk.run("reconcile", "--provider", "sportsbook", *DAY)
    assert "not read: not_a_statement" in done.stdout
    assert "page.csv" in done.stdout


def test_a_feed_that_falls_silent_within_the_window_is_named_with_its_last_word(
    desk: Desk,
) -> None:
    desk.imported(HEADER, BET)
    (stale,) = desk.reconciled("sportsbook", code=1)["unread"]
    assert (stale["kind"], stale["from"][:16]) == ("stale_feed", "2026-03-01T10:00")


def test_a_history_without_names_ties_out_on_the_database_by_balances_and_amounts(
    desk: Desk,
) -> None:
    _play(desk, [(100, 0), (100, 250), (100, 0), (70, 0)])
    _tell(desk, [(100, 0, 10_000), (100, 280, 9_900), (100, 0, None)])
    told = desk.reconciled("unnamed", code=1)
    found = [(b["kind"], b["round_key"], b["alias"], b["difference"]) for b in told["breaks"]]
    assert found == [
        ("payout_mismatch", "r1", "history:h1", "0.30"),
        ("missing_at_provider", "r3", "", "0.70"),
    ]
    assert told["matched"] == 2
    (payout,) = (one for one in told["breaks"] if one["kind"] == "payout_mismatch")
    assert payout["evidence"]["records"] == ["h1"]
    assert payout["evidence"]["operations"] == ["r1"]
    assert desk.json("reconcile", "verify", told["run_id"], code=0)["verified"]
    parts = ("--partitions", "7")
    again = desk.json("reconcile", "--provider", "unnamed", *DAY, *parts, code=1)
    assert again["breaks"] == told["breaks"]


def test_a_tolerance_of_the_settings_lets_small_differences_pass_and_sums_them(
    desk: Desk,
) -> None:
    _play(desk, [(100, 0), (100, 250), (100, 0)])
    _tell(desk, [(100, 5, 10_000), (102, 250, 9_900), (100, 6, 10_050)])
    told = desk.reconciled("unnamed", code=1)
    found = [(b["kind"], b["round_key"], b["difference"]) for b in told["breaks"]]
    assert found == [("payout_mismatch", "r2", "0.06")]
    assert told["residual"] == {"USD": "0.03"}
    done = desk.run("reconcile", "--provider", "unnamed", *DAY)
    assert "let pass by the tolerance: 0.03 USD" in done.stdout


def _play(desk: Desk, parts: list[tuple[int, int]]) -> None:
    """Rounds of one player, one after the other, from a balance of 100.00."""
    balance = 10_000
    desk.execute("INSERT INTO players (player) VALUES ('alice')")
    desk.execute(
        "INSERT INTO wallets (player, currency, balance, seq) VALUES ('alice', 'USD', 10000, 0)"
    )
    desk.execute("INSERT INTO batches (operations) VALUES (1)")
    for number, (stake, payout) in enumerate(parts):
        balance += payout - stake
        said = {"seq": number + 1, "key": f"r{number}", "stake": stake, "payout": payout}
        said |= {"balance": balance, "at": NOON + timedelta(seconds=10 * number)}
        desk.execute(_OPERATION, {**said, "match": match_key("unnamed", f"r{number}")})
    desk.execute("UPDATE wallets SET balance = %s, seq = %s", (balance, len(parts)))


def _tell(desk: Desk, parts: list[tuple[int, int, int | None]]) -> None:
    for number, (stake, payout, before) in enumerate(parts):
        name = f"history:h{number}"
        said = {"id": f"h{number}", "round": name, "match": match_key("unnamed", name)}
        said |= {"stake": stake, "payout": payout, "before": before}
        desk.execute(_RECORD, {**said, "at": NOON + timedelta(seconds=10 * number + 1)})
