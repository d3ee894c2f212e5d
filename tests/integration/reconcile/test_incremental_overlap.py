"""Incremental runs equal whole ones where rounds cross midnight and other windows overlap.

Movements and records of rounds come again and again, at instants of their own and on both sides
of midnight, of one player or two; runs of a wider window come between, with other ages and
tolerances. ``TIEOUT_INCREMENTAL_SEEDS`` sets the number of seeds.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from feeds.records import store_records
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import BY_ROUND_ID, Rules
from storage.engine import open_engine
from tests.harness.books.busy import BATCH, DAY, OPERATION, ROUND, BusyBooks
from vocabulary.clock import FrozenClock
from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.maturity import MaturityAges
from vocabulary.money import Money
from vocabulary.window import Window

SEEDS = int(os.environ.get("TIEOUT_INCREMENTAL_SEEDS", "2"))
STEPS = 6
MINUTE = timedelta(minutes=1)
WIDER = Window(start=DAY.start - timedelta(days=1), end=DAY.end)
AGES = MaturityAges(bet=20 * MINUTE, win=45 * MINUTE, rollback=5 * MINUTE)
OTHER_AGES = (AGES, MaturityAges.uniform(90 * MINUTE))
OTHER_RULES = (BY_ROUND_ID, BY_ROUND_ID, Rules(tolerance={"USD": 5}))
AGO = (0, 1, 5, 10, 21, 30, 44, 46, 90)


@dataclass(slots=True)
class RestlessBooks:
    """Rounds that either side goes on with at any time; the same for the same seed."""

    url: str
    engine: Engine
    seed: int
    slug: str = ""
    number: int = 0
    players: tuple[str, ...] = ()
    rounds: list[tuple[str, list[str]]] = field(default_factory=list)
    began: dict[str, datetime] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.dice.seed(self.seed)
        books = BusyBooks(self.url, self.engine, self.seed)
        self.slug, self.players = books.slug, tuple(books.players)

    def change(self, now: datetime) -> None:
        """Begin some rounds, and go on with some of all rounds on either side."""
        for _ in range(self.dice.randrange(2, 6)):
            self.number += 1
            name = self.dice.choice((f"x{self.number}", f"X{self.number - 1}"))
            players = self.dice.sample(self.players, self.dice.choice((1, 1, 1, 2)))
            self.rounds.append((name, players))
        with psycopg.connect(self.url) as connection:
            row = connection.execute(BATCH.encode()).fetchone()
            assert row is not None
            for name, player in self._some():
                self._move(connection, row[0], name, player, now)
        records = [self._record(name, player, now) for name, player in self._some()]
        with self.engine.begin() as connection:
            store_records(connection, self.slug, records, source="push", received_at=now)

    def _some(self) -> Iterator[tuple[str, str]]:
        for name, players in self.dice.sample(self.rounds, min(6, len(self.rounds))):
            yield from ((name, player) for player in players if self.dice.random() < 0.8)

    def _ago(self, now: datetime) -> datetime:
        return now - self.dice.choice(AGO) * MINUTE

    def _move(
        self,
        connection: psycopg.Connection[tuple[object, ...]],
        batch: object,
        name: str,
        player: str,
        now: datetime,
    ) -> None:
        self.number += 1
        kind = self.dice.choice(("bet", "win", "bet_and_win", "rollback"))
        stake, payout = self.dice.choice((5, 10)), self.dice.choice((5, 10))
        values = {
            "number": self.number,
            "slug": self.slug,
            "batch": batch,
            "key": f"op{self.number}",
            "kind": kind,
            "currency": "USD",
            "stake": {"win": 0, "rollback": -stake}.get(kind, stake),
            "payout": payout if kind in {"win", "bet_and_win"} else 0,
            "round": name,
            "match_key": match_key(self.slug, name),
            "ends": self.dice.random() < 0.3,
            "at": self._ago(now),
            "player": player,
        }
        connection.execute(OPERATION.encode(), values)
        connection.execute(ROUND.encode(), values)

    def _record(self, name: str, player: str, now: datetime) -> HistoryRecord:
        self.number += 1
        line = self.dice.choice((f"{name}-{player}", f"{name}-{player}-{self.number}"))
        return HistoryRecord(
            record_id=line,
            handle=player,
            round_id=name,
            currency="USD",
            game=None,
            stake=Money(self.dice.choice((0, 5, 10)), "USD"),
            payout=Money(self.dice.choice((0, 5, 10)), "USD"),
            rolled_back=self.dice.random() < 0.1,
            declared_net=None,
            balance_before=None,
            balance_after=None,
            created_at=self.began.setdefault(line, self._ago(now)),
            updated_at=now,
            raw=f"{line} {self.number}".encode(),
        )


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database, pool_size=1)
    yield opened
    opened.dispose()


def _run(
    url: str,
    slug: str,
    now: datetime,
    *,
    incremental: bool,
    window: Window = DAY,
    ages: MaturityAges = AGES,
    rules: Rules = BY_ROUND_ID,
) -> RunResult:
    request = RunRequest(
        provider=slug, window=window, maturity=ages, rules=rules, open_after=70 * MINUTE
    )
    options = RunOptions(incremental=incremental)
    return reconcile(url, request, clock=FrozenClock(now), options=options)


def _breaks(url: str, slug: str) -> list[tuple[object, ...]]:
    query = b"SELECT b.* FROM breaks b WHERE provider = %s ORDER BY break_id"
    with psycopg.connect(url) as connection:
        return connection.execute(query, [slug]).fetchall()


def test_over_seeds_an_incremental_run_equals_a_whole_run_at_midnight(
    database: str, engine: Engine
) -> None:
    differing, partial = [], 0
    for seed in range(SEEDS):
        books, dice = RestlessBooks(database, engine, seed), random.Random(seed)
        now = DAY.start + 2 * MINUTE
        for step in range(STEPS):
            books.change(now)
            if dice.random() < 0.5:
                ages, rules = dice.choice(OTHER_AGES), dice.choice(OTHER_RULES)
                _run(
                    database,
                    books.slug,
                    now - timedelta(seconds=1),
                    incremental=dice.random() < 0.5,
                    window=WIDER,
                    ages=ages,
                    rules=rules,
                )
            changes = _run(database, books.slug, now, incremental=True)
            partial += not changes.inputs["whole"]
            if step == STEPS - 1 or dice.random() < 0.5:
                after = _breaks(database, books.slug)
                whole = _run(database, books.slug, now, incremental=False)
                same = changes.to_json()["breaks"] == whole.to_json()["breaks"]
                if not same or after != _breaks(database, books.slug):
                    differing.append((seed, step))
            now += dice.randrange(1, 40) * MINUTE
    assert differing == []
    assert partial >= SEEDS
