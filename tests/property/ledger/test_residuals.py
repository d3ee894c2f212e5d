"""Whatever is reported, corrected and tolerated: the last whole run decides what is booked."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.checks.run import verify
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import Rules
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HALF = timedelta(hours=12)
#: Two days, both of them, and one that overlaps with all of those.
WINDOWS = tuple(
    Window(start=MIDNIGHT + first * HALF, end=MIDNIGHT + last * HALF)
    for first, last in ((-2, 0), (0, 2), (-2, 2), (-1, 1))
)
TOLERANCES: tuple[dict[str, int], ...] = ({}, {"USD": 1}, {"USD": 3}, {"USD": 3, "EUR": 2})
STEPS = 14
#: The number of stories.
SEEDS = int(os.environ.get("TIEOUT_RESIDUAL_SEEDS", "3"))
_BOOKED = """
SELECT r.round_id, r.currency, sum(e.amount)::bigint
  FROM residual_entries e JOIN residuals r USING (residual_id)
 WHERE e.account = %s::account_kind GROUP BY 1, 2 HAVING sum(e.amount) <> 0 ORDER BY 1, 2
"""


@dataclass(slots=True)
class Round:
    """A round on either side; ``ours`` and ``theirs`` are (stake, payout)."""

    name: str
    currency: str
    ours: tuple[int, int]
    theirs: tuple[int, int]
    ours_at: datetime
    theirs_at: datetime
    undone: bool = False

    def residual(self, tolerance: dict[str, int]) -> int:
        """Return its accepted difference, by arithmetic that shares nothing with the code."""
        stake, payout = (0, 0) if self.undone else self.theirs
        excess = (stake - self.ours[0], payout - self.ours[1])
        if self.undone and excess != (0, 0):
            return 0
        limit = tolerance.get(self.currency, 0)
        return excess[1] - excess[0] if max(map(abs, excess)) <= limit else 0

    def lies_in(self, window: Window) -> bool:
        return any(window.start <= at < window.end for at in (self.ours_at, self.theirs_at))


@dataclass(slots=True)
class Story:
    """Books that change at random, and what should stand booked."""

    url: str
    dice: random.Random
    rounds: list[Round] = field(default_factory=list)
    stands: dict[tuple[str, str], int] = field(default_factory=dict)
    now: datetime = MIDNIGHT + timedelta(days=30)
    last_request: tuple[Window, dict[str, int]] = (WINDOWS[2], TOLERANCES[2])
    #: Counted by whether they covered the whole window.
    runs: Counter[bool] = field(default_factory=Counter)

    def step(self) -> None:
        if self.dice.random() < 0.45 or not self.rounds:
            self.dice.choice((self.play, self.restate, self.correct))()
        else:
            self.run()

    def play(self) -> None:
        books = TwoBooks()
        for _ in range(4):
            round_ = self._round()
            books.ours(round_.name, *round_.ours, currency=round_.currency, at=round_.ours_at)
            books.theirs(
                round_.name, *round_.theirs, currency=round_.currency, at=round_.theirs_at
            )
            self.rounds.append(round_)
        books.write(self.url)

    def _round(self) -> Round:
        stake, payout = self.dice.randrange(10, 99), self.dice.randrange(0, 99)
        at = MIDNIGHT + timedelta(minutes=self.dice.randrange(-1_440, 1_430))
        later = timedelta(hours=self.dice.choice((0, 0, 0, 5)))
        return Round(
            name=f"r{len(self.rounds)}",
            currency=self.dice.choice(("USD", "USD", "EUR")),
            ours=(stake, payout),
            theirs=(stake + self._off(), payout + self._off()),
            ours_at=at,
            theirs_at=min(at + later, MIDNIGHT + timedelta(minutes=1_435)),
        )

    def _off(self) -> int:
        return self.dice.choice((0, 0, 1, -1, 3, -3, 7))

    def restate(self) -> None:
        for round_ in self._sample():
            round_.theirs = (round_.ours[0] + self._off(), round_.ours[1] + self._off())
            round_.undone = self.dice.random() < 0.2
            self._execute(
                "UPDATE feed_records SET stake = %s, payout = %s, rolled_back = %s"
                " WHERE round_id = %s",
                *(*round_.theirs, round_.undone, round_.name),
            )

    def correct(self) -> None:
        for round_ in self._sample():
            round_.ours = round_.theirs
            self._execute(
                "UPDATE rounds SET stake = %s, payout = %s WHERE round_id = %s",
                *(*round_.ours, round_.name),
            )

    def _sample(self) -> list[Round]:
        return self.dice.sample(self.rounds, min(3, len(self.rounds)))

    def run(self) -> None:
        """Run any window and tolerance, or incrementally with those of the run before."""
        partial = self.dice.random() < 0.4
        if not partial:
            self.last_request = self.dice.choice(WINDOWS), self.dice.choice(TOLERANCES)
        window, tolerance = self.last_request
        before = dict(self.stands)
        self.now += timedelta(minutes=1)
        result = self._reconcile(window, tolerance, incremental=partial)
        self.runs[result.inputs["whole"]] += 1
        if result.inputs["whole"]:
            self._expect(window, tolerance)
        assert result.booked == self._moved(before)
        assert self._booked("difference") == self.stands
        assert self._booked("ggr") == {place: -minor for place, minor in self.stands.items()}
        if result.inputs["whole"] and self.dice.random() < 0.3:
            repeated = self._reconcile(window, tolerance)
            assert (repeated.run_id, repeated.booked) == (result.run_id, result.booked)
            assert self._booked("difference") == self.stands

    def _reconcile(
        self, window: Window, tolerance: dict[str, int], *, incremental: bool = False
    ) -> RunResult:
        return reconcile(
            self.url,
            RunRequest(
                provider="agg",
                window=window,
                maturity=timedelta(minutes=15),
                rules=Rules(tolerance=tolerance),
            ),
            clock=FrozenClock(self.now),
            options=RunOptions(incremental=incremental),
        )

    def _expect(self, window: Window, tolerance: dict[str, int]) -> None:
        for round_ in self.rounds:
            if round_.lies_in(window):
                self.stands.pop((round_.name, round_.currency), None)
                if minor := round_.residual(tolerance):
                    self.stands[round_.name, round_.currency] = minor

    def _moved(self, before: dict[tuple[str, str], int]) -> dict[str, int]:
        sums: dict[str, int] = {}
        for sign, amounts in ((1, self.stands), (-1, before)):
            for (_, currency), minor in amounts.items():
                sums[currency] = sums.get(currency, 0) + sign * minor
        return {code: minor for code, minor in sums.items() if minor}

    def _booked(self, account: str) -> dict[tuple[str, str], int]:
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(_BOOKED.encode(), [account]).fetchall()
        return {(name, currency): minor for name, currency, minor in rows}

    def _execute(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode(), values)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database, pool_size=1)
    yield opened
    opened.dispose()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_booked_is_what_the_last_whole_run_of_a_round_accepted(
    database: str, engine: Engine, seed: int
) -> None:
    story = Story(database, random.Random(seed))
    story.play()
    for _ in range(STEPS):
        story.step()

    assert min(story.runs[True], story.runs[False]) > 0
    checks = [check for check in verify(engine) if "residual" in check.name]
    assert [(check.name, check.named) for check in checks if check.wrong] == []
    assert len(checks) == 4
