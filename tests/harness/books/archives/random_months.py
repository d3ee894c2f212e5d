"""Random months of callbacks of a few players, and what arrives late for them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from ledger.archive.months import month_end
from ledger.posting.posting import post_all_at
from tests.harness.books.ledger import accept, bet, rollback, round_end, win
from tests.harness.tampering.replay import tamper
from vocabulary.facts import Bet, Rollback, RoundEnd, Win

Fact = Bet | Win | Rollback | RoundEnd

_BATCHES = 6
PLAYERS = ("ann", "bob", "cleo")


def played_round(chance: Random, name: str) -> list[Fact]:
    """A round of one player: staked, and maybe won, undone before or after, or ended."""
    common: Any = {"handle": chance.choice(PLAYERS), "round_id": f"r{name}"}
    staked, paid = chance.randint(1, 4000), chance.randint(1, 900)
    facts: list[Fact] = [bet(f"b{name}", staked, **common)]
    if chance.random() < 0.5:
        facts.append(win(f"w{name}", paid, bet_key=f"b{name}", **common))
    if chance.random() < 0.3:
        undone = chance.choice(facts)
        facts.append(rollback(f"u{name}", undone.key, **common))
    if chance.random() < 0.2:
        facts.insert(0, rollback(f"v{name}", f"late{name}", **common))
    if chance.random() < 0.3:
        facts.append(round_end(f"e{name}", of=f"b{name}", staked=staked, paid=paid, **common))
    return facts


def play(database: str, chance: Random, first_day: date, number: int) -> list[Fact]:
    """Callbacks of a month: several batches on some of its days; returns them.

    The last batch is accepted a moment before the month ends and posted after; it has wins of
    rounds that began before.
    """
    day = first_day
    played: list[Fact] = []
    for batch in range(_BATCHES):
        facts = [
            fact for n in range(4) for fact in played_round(chance, f"{number}-{batch}-{n}")
        ]
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        if batch == _BATCHES - 1:
            at = datetime.combine(month_end(first_day), time(), UTC) - timedelta(seconds=1)
            facts += [
                win(f"x{fact.key}", 5, handle=fact.handle, round_id=fact.round_id)
                for fact in chance.sample(played, 3)
            ]
        accept(database, *facts, at=at)
        post_all_at(database)
        _date(database, at)
        played += facts
        day = min(day + timedelta(days=chance.randint(0, 5)), last_of(first_day))
    return played


def _date(database: str, at: datetime) -> None:
    """Move what was just accepted and posted to an instant, its posting some seconds later."""
    posted = at + timedelta(seconds=3)
    tamper(
        database,
        f"UPDATE batches SET committed_at = '{at}', posted_at = '{posted}'"
        " WHERE committed_at > '2022-01-01'",
    )
    tamper(
        database, f"UPDATE entries SET posted_at = '{posted}' WHERE posted_at > '2022-01-01'"
    )


def last_of(day: date) -> date:
    return month_end(day) - timedelta(days=1)


def late_facts(chance: Random, played: Sequence[Fact]) -> list[Fact]:
    """Repeats, conflicts and rollbacks of what was played, and rounds that go on or begin."""
    facts: list[Fact] = [*chance.sample(played, 8)]
    for number, fact in enumerate(chance.sample(played, 8)):
        common: Any = {"handle": fact.handle, "round_id": fact.round_id}
        facts.append(rollback(f"late-u{number}", fact.key, **common))
        facts.append(win(f"late-w{number}", 7, bet_key=fact.key, **common))
        facts.append(bet(fact.key, 12345, **common))
    facts += played_round(chance, "new")
    chance.shuffle(facts)
    return facts
