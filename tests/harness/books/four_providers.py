"""Yesterday of four providers, with fifteen breaks of money, as the morning finds it.

Our rounds are booked. The aggregator's records were pushed overnight; the files of the other
three lie in the inbox.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from tests.harness.books.differences.two_sides import TwoBooks

#: Rounds of each provider that are equal on both sides.
EQUAL = 40
#: Breaks by provider: payouts that differ, stakes that differ, rounds they do not report.
DIFFERING = {
    "aggregator": (3, 1, 1),
    "agent_platform": (2, 1, 1),
    "sportsbook": (2, 0, 1),
    "xigs": (2, 0, 1),
}
BREAKS = sum(map(sum, DIFFERING.values()))
_PROVIDER = """
[[providers]]
slug = "{slug}"
dialect = "{slug}"
currency = "USD"
secrets = ["literal:a secret of the tests"]
timezone = "{zone}"
"""
_SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[close]
inbox = "{folder}/inbox"
[reporting]
zone = "{zone}"
"""
_HANDLE = "INSERT INTO handles (provider, handle, player) VALUES (%s, 'alice', 'alice')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A round as the provider reports it; amounts in cents."""

    round_id: str
    stake: int
    payout: int
    at: datetime


def settings_text(database: str, folder: Path, noon: datetime) -> str:
    """The settings of the four providers, whose days are those of the noon's zone."""
    zone = str(noon.tzinfo)
    providers = "".join(_PROVIDER.format(slug=slug, zone=zone) for slug in DIFFERING)
    return _SETTINGS.format(database=database, folder=folder, zone=zone) + providers


def write_yesterday(database: str, folder: Path, noon: datetime) -> None:
    """Book our rounds of that day, and put their records and files in place."""
    for slug in DIFFERING:
        books = TwoBooks(provider=slug)
        lines = list(_play(books, slug, noon))
        if slug in _FILES:
            inbox = folder / "inbox" / slug
            inbox.mkdir(parents=True)
            name, text_of = _FILES[slug]
            file = inbox / f"{noon.date()}.{name}"
            file.write_text(text_of(lines), encoding="utf-8")
        else:
            for line in lines:
                books.theirs(line.round_id, line.stake, line.payout, at=line.at)
        books.write(database)
        with psycopg.connect(database) as connection:
            connection.execute(_HANDLE, [slug])


def _play(books: TwoBooks, slug: str, noon: datetime) -> Iterable[Line]:
    """Our rounds, added to the books; yields what the provider reports of them."""
    payouts, stakes, missing = DIFFERING[slug]
    kinds = ["payout"] * payouts + ["stake"] * stakes + ["missing"] * missing
    for number, kind in enumerate(kinds + ["equal"] * EQUAL):
        at = noon.astimezone(UTC) + timedelta(seconds=number)
        stake, payout = _amounts(slug, number, kind)
        round_id = f"{slug}-{number}"
        books.ours(round_id, stake, payout, at=at)
        if kind == "payout":
            yield Line(round_id=round_id, stake=stake, payout=payout + 30 + number, at=at)
        elif kind == "stake":
            yield Line(round_id=round_id, stake=stake + 5, payout=payout, at=at)
        elif kind == "equal":
            yield Line(round_id=round_id, stake=stake, payout=payout, at=at)


def _amounts(slug: str, number: int, kind: str) -> tuple[int, int]:
    """Stake and payout; a transaction of the sportsbook is a round with only one of them."""
    stake, payout = 100 + number, 7 * number + 10
    if slug != "sportsbook":
        return stake, payout
    return (0, payout) if kind == "payout" or number % 2 else (stake, 0)


def _agent_platform(lines: Iterable[Line]) -> str:
    header = "transaction_id,round_id,type,player_id,currency,bet,win,original_transaction_id"
    rows = [
        f"{line.round_id},{line.round_id},makeBet,alice,USD,{_text(line.stake)},"
        f"{_text(line.payout)},,{line.at.isoformat()}"
        for line in lines
    ]
    return "\n".join([f"{header},created_at", *rows]) + "\n"


def _sportsbook(lines: Iterable[Line]) -> str:
    header = "transaction_id,action,user_id,currency,amount,rollback_transaction_id,created_at"
    rows = [
        f"{line.round_id},{'bet' if line.stake else 'result'},alice,USD,"
        f"{_text(line.stake or line.payout)},,{line.at.isoformat()}"
        for line in lines
    ]
    return "\n".join([header, *rows]) + "\n"


def _xigs(lines: Iterable[Line]) -> str:
    documents = (
        {
            "roundId": line.round_id,
            "userId": "alice",
            "bet": _text(line.stake),
            "prize": _text(line.payout),
            "status": "closed",
            "createdAt": line.at.isoformat(),
            "updatedAt": line.at.isoformat(),
            "currency": "USD",
        }
        for line in lines
    )
    return "".join(json.dumps(document) + "\n" for document in documents)


def _text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


#: By provider that sends files, their ending and how its lines are written.
_FILES: dict[str, tuple[str, Callable[[Iterable[Line]], str]]] = {
    "agent_platform": ("csv", _agent_platform),
    "sportsbook": ("csv", _sportsbook),
    "xigs": ("jsonl", _xigs),
}
