"""Commands on corrections, player states, statements and balances, with their exit codes."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.posting.posting import post_all_at
from tests.harness.books.ledger import accept, bet, open_wallets
from tests.harness.servers.command_line import run_tieout
from vocabulary.clock import SystemClock

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "lottery"
dialect = "sportsbook"
currency = "EUR"
secrets = ["literal:secret"]
"""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``tieout`` against one database."""

    folder: Path
    database: str

    def run(self, *words: str, code: int = 0) -> str:
        result = run_tieout(self.folder, *words)
        assert result.returncode == code, (words, result.stdout, result.stderr)
        return result.stdout if code == 0 else result.stderr

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture
def tieout(tmp_path: Path, database: str) -> CommandLine:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database))
    open_wallets(database, ("ann", 1000))
    return CommandLine(tmp_path, database)


WALLET = ("--player", "ann", "--currency", "EUR")
_TRAIL = """
SELECT a.actor, a.action, a.detail->>'reason', o.op_key IS NOT NULL
  FROM audit a LEFT JOIN operations o
    ON o.provider = 'tieout' AND o.op_key = a.detail->>'operation'
 WHERE a.subject = %s ORDER BY a.audit_id
"""


def trail_of(database: str, player: str) -> list[tuple[Any, ...]]:
    """Actor, action and reason of each audit row about a player, and whether it is booked."""
    with psycopg.connect(database) as connection:
        return connection.execute(_TRAIL, [player]).fetchall()


def test_a_correction_cannot_be_approved_by_its_proposer_but_by_another_person(
    tieout: CommandLine,
) -> None:
    adjust = ("ledger", "adjust")
    options = ("--by", "maria", "--reason", "a win never came", "--break", "brk-7")
    proposal = tieout.run(*adjust, "propose", *WALLET, "--amount", "2.50", *options).strip()

    own = tieout.run(*adjust, "approve", proposal, "--by", "maria", code=1)
    assert "another person decides" in own
    (waiting,) = tieout.json(*adjust, "list")
    (approved,) = tieout.json(*adjust, "approve", proposal, "--by", "jonas")

    assert (waiting["id"], waiting["state"]) == (proposal, "proposed")
    assert (approved["state"], approved["amount"], approved["break_id"]) == (
        "posted",
        "2.50",
        "brk-7",
    )
    assert tieout.json("ledger", "balance", *WALLET)["balance"] == "12.50"
    unknown = ("--amount", "1", *options, "--provider", "other", "--round", "r")
    assert "known: lottery" in tieout.run(*adjust, "propose", *WALLET, *unknown, code=2)
    of_no_round = ("--amount", "1", *options, "--side", "stake")
    assert "a --round is expected" in tieout.run(
        *adjust, "propose", *WALLET, *of_no_round, code=2
    )


def test_show_reports_exclusion_and_limits_of_a_player(tieout: CommandLine) -> None:
    given = ("--by", "maria", "--reason", "asked")
    unnamed = tieout.run("players", "block", *WALLET, "--reason", "asked", code=2)
    tieout.run("players", "limit", *WALLET, *given, "--turnover", "50", "--loss", "20.5")
    tieout.run("players", "exclude", *WALLET, *given, "--until", "30d")
    shorter = tieout.run("players", "exclude", *WALLET, *given, "--until", "7d")
    nothing = tieout.run("players", "limit", *WALLET, *given, code=2)
    past = tieout.run("players", "exclude", *WALLET, *given, "--until", "2020-01-01", code=2)

    (wallet,) = tieout.json("players", "show", "--player", "ann")["wallets"]

    assert (wallet["state"], wallet["balance"]) == ("self_excluded", "10.00")
    assert datetime.fromisoformat(shorter.split()[-1]) == datetime.fromisoformat(
        wallet["excluded_until"]
    )
    assert (wallet["turnover_limit"], wallet["loss_limit"]) == ("50.00", "20.50")
    assert wallet["stake_limit"] is None
    assert "at least one limit" in nothing.replace("\n", " ")
    assert "an instant to come is expected" in past
    assert "nobody is registered for it" in unnamed
    assert trail_of(tieout.database, "ann") == [
        ("maria", "player.limit", "asked", True),
        *[("maria", "player.exclude", "asked", True)] * 2,
    ]


def test_the_books_are_read_by_account_round_day_and_instant(tieout: CommandLine) -> None:
    accept(tieout.database, bet("b1", 300))
    gift = ("--amount", "5", "--reason", "welcome", "--as", "bonus", "--by", "maria")
    tieout.run("ledger", "deposit", *WALLET, *gift)
    post_all_at(tieout.database)

    checkpoint = tieout.json("ledger", "checkpoint")
    accounts = tieout.json("ledger", "accounts")
    (waiting,) = tieout.json("ledger", "rounds", "--open", "--provider", "lottery")
    statement = tieout.json(
        "ledger", "statement", "--provider", "lottery", "--from", "2026-06-04"
    )
    earlier = tieout.json(
        "ledger", "balance", *WALLET, "--at", checkpoint["as_of"], "--by", "posted"
    )
    totals = tieout.json("ledger", "trial-balance")["accounts"]

    assert (checkpoint["written"], checkpoint["checked"], checkpoint["wrong"]) == (1, 1, 0)
    assert {"account": "player_receivable", "side": "debit"}.items() <= accounts[9].items()
    assert (waiting["round_id"], waiting["status"], waiting["clearing"]) == (
        "r1",
        "open",
        "3.00",
    )
    assert [(day["stake"], day["clearing"]) for day in statement["days"]] == [("3.00", "3.00")]
    assert (earlier["balance"], earlier["checkpoint"]) == ("12.00", checkpoint["as_of"])
    assert {"bonus": "-5.00"}.items() <= {x["account"]: x["amount"] for x in totals}.items()


def test_each_change_of_a_players_state_is_audited_even_if_refused(
    tieout: CommandLine,
) -> None:
    given = ("--by", "jonas", "--reason", "asked")
    tieout.run("players", "block", *WALLET, *given)
    tieout.run("players", "unblock", *WALLET, *given)
    tieout.run("players", "block", "--player", "eve", "--currency", "EUR", *given, code=1)
    empty = ("--by", "", "--reason", "asked")
    nobody = tieout.run("players", "unblock", *WALLET, *empty, code=2)

    assert "a name is expected" in nobody
    assert trail_of(tieout.database, "ann") == [
        ("jonas", "player.block", "asked", True),
        ("jonas", "player.unblock", "asked", True),
    ]
    assert trail_of(tieout.database, "eve") == [("jonas", "player.block", "asked", False)]


def test_open_rounds_are_listed_by_age(tieout: CommandLine) -> None:
    now = SystemClock().now()
    long_ago = now - timedelta(days=3)
    accept(tieout.database, bet("old", 5, round_id="r-old"), at=long_ago)
    accept(tieout.database, bet("new", 5, round_id="r-new"), at=now)
    post_all_at(tieout.database)

    def listed(*words: str) -> list[str]:
        return [row["round_id"] for row in tieout.json("ledger", "rounds", "--open", *words)]

    assert listed("--older-than", "24h") == ["r-old"]
    assert listed("--older-than", "30d") == []
    assert listed() == ["r-old", "r-new"]
    wrong = tieout.run("ledger", "rounds", "--older-than", "long", code=2)
    assert "--older-than" in wrong


def test_a_statement_includes_its_last_day(tieout: CommandLine) -> None:
    for day in (4, 5, 6):
        noon = datetime(2026, 6, day, 12, tzinfo=UTC)
        accept(tieout.database, bet(f"b{day}", 100, round_id=f"r{day}"), at=noon)
    post_all_at(tieout.database)

    def days(*words: str) -> list[str]:
        statement = tieout.json("ledger", "statement", "--provider", "lottery", *words)
        return [day["day"] for day in statement["days"]]

    assert days("--to", "2026-06-05") == ["2026-06-04", "2026-06-05"]
    assert days("--from", "2026-06-05", "--to", "2026-06-05") == ["2026-06-05"]
    assert days("--to", "2026-06-03") == []
    wrong = tieout.run("ledger", "statement", "--provider", "lottery", "--to", "soon", code=2)
    assert "--to" in wrong


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_no_process_at_all_is_wrong_usage(tieout: CommandLine, command: str) -> None:
    error = tieout.run("ledger", command, "--jobs", "0", code=2)

    assert "--jobs" in error
    assert "greater than or equal to 1" in error


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("replay",), "--from"),
        (("verify",), "--since"),
        (("balance", *WALLET), "--at"),
        (("checkpoint",), "--at"),
    ],
)
def test_nothing_is_proven_or_shown_of_an_instant_to_come(
    tieout: CommandLine, words: tuple[str, ...], option: str
) -> None:
    refusal = tieout.run("ledger", *words, option, "2999-01-01", code=2)

    assert f"{option}: an instant that has passed is expected" in refusal
