"""Really posted days of one provider, signed and exported at the command line."""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from typer.testing import CliRunner

from ledger.accepting.own_operations import InRound, OwnOperation
from ledger.posting.posting import post_all_at
from ops import cli
from tests.harness.books.ledger import (
    SLUG,
    accept,
    adjust,
    bet,
    bet_and_win,
    deposit,
    open_wallets,
    rollback,
    round_end,
    win,
    withdrawal,
)
from tests.harness.people import token_of
from vocabulary.errors import TieoutError
from vocabulary.facts import Fact, Fund

FIRST = date(2026, 6, 1)
#: Every account of ours with a code of the general ledger.
CODES: Mapping[str, str] = {
    "player_wallet": "2100",
    "provider_clearing": "2200",
    "ggr": "4000",
    "funding": "1000",
    "adjustment": "6100",
    "suspense": "9999",
    "bonus": "6200",
    "jackpot": "6210",
    "promo": "6220",
    "player_receivable": "1200",
    "difference": "6300",
    "provider_fee": "5000",
    "provider_fee_accrued": "2300",
}
_SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[journal.accounts]
{accounts}
[[providers]]
slug = "lottery"
dialect = "aggregator"
currency = "EUR"
secrets = ["literal:secret"]
terms = {terms}
"""
TERMS = '{currency = "EUR", tiers = [{share = "10"}], fixed = {platform = "5.00"}}'
_ENTRIES = """
WITH accepted AS (
  SELECT o.*, min(received_at) OVER (PARTITION BY provider, round_id, wallet_id) AS began
    FROM operations o WHERE decision = 'accepted'
)
SELECT (CASE WHEN o.provider = 'tieout' THEN o.received_at ELSE o.began END
        AT TIME ZONE 'UTC')::date,
       o.provider, e.account::text, e.currency, e.amount
  FROM entries e JOIN accepted o USING (wallet_id, wallet_seq)
 UNION ALL
SELECT (b.began_at AT TIME ZONE 'UTC')::date, e.provider, e.account::text, e.currency, e.amount
  FROM residual_entries e JOIN residuals USING (residual_id)
  JOIN write_offs USING (write_off_id) JOIN breaks b USING (break_id)
"""

#: Sums by day, provider, account and currency, without zeros.
Sums = Mapping[tuple[date, str, str, str], int]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@dataclass
class SignedDays:
    """One installation with a provider, ann and bob, and people with tokens."""

    folder: Path
    database: str
    accounts: Mapping[str, str] = field(default_factory=lambda: dict(CODES))
    extra: str = ""

    def __post_init__(self) -> None:
        open_wallets(self.database, ("ann", 1_000_000), ("bob", 1_000_000))
        self.configure(self.accounts)

    def configure(self, accounts: Mapping[str, str], *, extra: str = "") -> None:
        """Write the settings."""
        lines = "\n".join(f'{name} = "{code}"' for name, code in accounts.items())
        text = _SETTINGS.format(database=self.database, accounts=lines, terms=TERMS) + extra
        (self.folder / "tieout.toml").write_text(text, encoding="utf-8")

    def run(self, *words: str, by: str | None = None, code: int = 0) -> str:
        """The output of a command; of both streams if it fails."""
        env = {} if by is None else {"TIEOUT_TOKEN": token_of(by)}
        arguments = ["--config", str(self.folder / "tieout.toml"), *words]
        result = CliRunner(env=env).invoke(cli.app, arguments)
        if isinstance(result.exception, TieoutError):
            assert code, (words, result.exception)
            return "\n".join(getattr(result.exception, "problems", [str(result.exception)]))
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output if code else result.stdout

    def json(self, *words: str, by: str | None = None) -> Any:
        return json.loads(self.run(*words, "--json", by=by))

    def play(self, day: date, *facts: Fact | OwnOperation) -> None:
        """Accept facts at noon of a day, in UTC, and post them."""
        accept(self.database, *facts, at=noon(day))
        post_all_at(self.database)

    def sign(self, *days: date) -> None:
        """Close, prepare and sign days."""
        for day in days:
            words = (str(day), "--provider", SLUG)
            self.run("day", "close", *words, "--reason", "no feed", by="maria")
            self.run("day", "prepare", *words, "--reason", "no feed", by="maria")
            self.run("day", "sign", *words, by="jonas")

    def sign_changed(self, *days: date) -> None:
        """Sign days again until none is left: a run of one day may find a break of another."""
        for _ in range(3):
            states = {day: self.state(day) for day in days}
            for day, state in states.items():
                if state == "changed since":
                    self.reopen(day)
                if state != "signed":
                    self.sign(day)
        assert {self.state(day) for day in days} == {"signed"}

    def state(self, day: date) -> str:
        shown = self.json("day", "show", str(day), "--provider", SLUG)
        return str(shown["state"])

    def reopen(self, day: date) -> None:
        words = ("--provider", SLUG, "--reason", "a correction")
        self.run("day", "reopen", str(day), *words, by="nora")

    def export(self, first: date, last: date, *words: str) -> list[dict[str, str]]:
        """The rows of an exported CSV."""
        period = f"{first}..{last}"
        text = self.run("journal", "export", "--period", period, *words, by="maria")
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()

    def moved(self, first: date, last: date) -> Sums:
        """What the ledger moved: entry by entry, by the first operation of each round."""
        sums: Counter[tuple[date, str, str, str]] = Counter()
        for day, provider, account, currency, amount in self.rows(_ENTRIES):
            if first <= day <= last:
                sums[day, provider, account, currency] += amount
        return {key: amount for key, amount in sums.items() if amount}


def booked(rows: list[dict[str, str]]) -> Sums:
    """What exported rows book; a fee is no movement of the ledger."""
    sums: Counter[tuple[date, str, str, str]] = Counter()
    for row in rows:
        if row["kind"] == "day":
            amount = minor(row["credit"]) - minor(row["debit"])
            day = date.fromisoformat(row["date"])
            sums[day, row["provider"], row["account"], row["currency"]] += amount
    return {key: amount for key, amount in sums.items() if amount}


def minor(text: str) -> int:
    """Cents of a decimal text; empty text is nothing."""
    return int(text.replace(".", "")) if text else 0


def random_facts(seed: int, days: int) -> Iterator[tuple[date, Fact | OwnOperation]]:
    """Bets, wins, rollbacks, ends, deposits and corrections in any order, day by day."""
    dice = random.Random(seed)
    for offset in range(days):
        for number in range(dice.randint(3, 9)):
            key = f"{seed}-{offset}-{number}"
            yield FIRST + timedelta(days=offset), _random_fact(dice, key)


def _random_fact(dice: random.Random, key: str) -> Fact | OwnOperation:
    amount, handle = dice.randint(1, 5_000), dice.choice(("ann", "bob"))
    round_id = f"{handle}-{dice.randint(1, 4)}"
    fund = dice.choice((Fund.CASH, Fund.BONUS, Fund.SUSPENSE, Fund.DIFFERENCE))
    within = InRound(
        provider=SLUG,
        round_id=f"ann-{dice.randint(1, 4)}",
        side=dice.choice(("stake", "payout")),
    )
    return dice.choice(
        (
            bet(key, amount, handle=handle, round_id=round_id),
            bet(key, amount, handle=handle, round_id=f"r{key}"),
            bet_and_win(key, amount, dice.randint(0, 9_000)),
            win(key, amount, handle=handle, round_id=round_id),
            rollback(key, dice.choice((f"{key[:-1]}0", f"{key[:-1]}1")), handle=handle),
            round_end(key, of=f"{key[:-1]}0", staked=amount, handle=handle, round_id=round_id),
            deposit(key, amount, handle=handle),
            withdrawal(key, amount),
            adjust(key, amount, fund=fund),
            adjust(key, amount, within=within),
        )
    )
