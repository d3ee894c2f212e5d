"""Whatever is told, corrected and tolerated: booked is what the last whole run let pass."""

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
from tests.harness.books.two_sides import TwoBooks
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
#: How many stories.
SEEDS = int(os.environ.get("TIEOUT_RESIDUAL_SEEDS", "3"))
_BOOKED = """
SELECT r.round_id, r.currency, sum(e.amount)::bigint
  FROM residual_entries e JOIN residuals r USING (residual_id)
 WHERE e.account = %s::account_kind GROUP BY 1, 2 HAVING sum(e.amount) <> 0 ORDER BY 1, 2
"""


@dataclass(slots=True)
class Round:
    """A round as either side tells it; ``mine`` and ``yours`` are (stake, payout)."""

    name: str
    currency: str
    mine: tuple[int, int]
    yours: tuple[int, int]
    ours_at: datetime
    theirs_at: datetime
    undone: bool = False

    def residual(self, tolerance: dict[str, int]) -> int:
        """What may be let pass of it, by arithmetic that shares nothing with the code."""
        stake, payout = (0, 0) if self.undone else self.yours
        more = (stake - self.mine[0], payout - self.mine[1])
        if self.undone and more != (0, 0):
            return 0
        most = tolerance.get(self.currency, 0)
        return more[1] - more[0] if max(map(abs, more)) <= most else 0

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
    asked: tuple[Window, dict[str, int]] = (WINDOWS[2], TOLERANCES[2])
    #: By whether they looked at everything.
    runs: Counter[bool] = field(default_factory=Counter)

    def step(self) -> None:
        if self.dice.random() < 0.45 or not self.rounds:
            self.dice.choice((self.play, self.restate, self.correct))()
        else:
            self.run()

    def play(self) -> None:
        books = TwoBooks()
        for _ in range(4):
            one = self._round()
            books.ours(one.name, *one.mine, currency=one.currency, at=one.ours_at)
            books.theirs(one.name, *one.yours, currency=one.currency, at=one.theirs_at)
            self.rounds.append(one)
        books.write(self.url)

    def _round(self) -> Round:
        stake, payout = self.dice.randrange(10, 99), self.dice.randrange(0, 99)
        at = MIDNIGHT + timedelta(minutes=self.dice.randrange(-1_440, 1_430))
        later = timedelta(hours=self.dice.choice((0, 0, 0, 5)))
        return Round(
            name=f"r{len(self.rounds)}",
            currency=self.dice.choice(("USD", "USD", "EUR")),
            mine=(stake, payout),
            yours=(stake + self._off(), payout + self._off()),
            ours_at=at,
            theirs_at=min(at + later, MIDNIGHT + timedelta(minutes=1_435)),
        )

    def _off(self) -> int:
        return self.dice.choice((0, 0, 1, -1, 3, -3, 7))

    def restate(self) -> None:
        for one in self._some():
            one.yours = (one.mine[0] + self._off(), one.mine[1] + self._off())
            one.undone = self.dice.random() < 0.2
            self._execute(
                "UPDATE feed_records SET stake = %s, payout = %s, rolled_back = %s"
                " WHERE round_id = %s",
                *(*one.yours, one.undone, one.name),
            )

    def correct(self) -> None:
        for one in self._some():
            one.mine = one.yours
            self._execute(
                "UPDATE rounds SET stake = %s, payout = %s WHERE round_id = %s",
                *(*one.mine, one.name),
            )

    def _some(self) -> list[Round]:
        return self.dice.sample(self.rounds, min(3, len(self.rounds)))

    def run(self) -> None:
        """Any window and tolerance; or what changed since the run before."""
        partial = self.dice.random() < 0.4
        if not partial:
            self.asked = self.dice.choice(WINDOWS), self.dice.choice(TOLERANCES)
        window, tolerance = self.asked
        before = dict(self.stands)
        self.now += timedelta(minutes=1)
        result = self._asked(window, tolerance, incremental=partial)
        self.runs[result.inputs["whole"]] += 1
        if result.inputs["whole"]:
            self._expect(window, tolerance)
        assert result.booked == self._moved(before)
        assert self._booked("difference") == self.stands
        assert self._booked("ggr") == {place: -each for place, each in self.stands.items()}
        if result.inputs["whole"] and self.dice.random() < 0.3:
            again = self._asked(window, tolerance)
            assert (again.run_id, again.booked) == (result.run_id, result.booked)
            assert self._booked("difference") == self.stands

    def _asked(
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
        for one in self.rounds:
            if one.lies_in(window):
                self.stands.pop((one.name, one.currency), None)
                if minor := one.residual(tolerance):
                    self.stands[one.name, one.currency] = minor

    def _moved(self, before: dict[tuple[str, str], int]) -> dict[str, int]:
        sums: dict[str, int] = {}
        for sign, told in ((1, self.stands), (-1, before)):
            for (_, currency), minor in told.items():
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
def test_booked_is_what_the_last_whole_run_of_a_round_let_pass(
    database: str, engine: Engine, seed: int
) -> None:
    story = Story(database, random.Random(seed))
    story.play()
    for _ in range(STEPS):
        story.step()

    assert min(story.runs[True], story.runs[False]) > 0
    about = [each for each in verify(engine) if "residual" in each.name]
    assert [(each.name, each.named) for each in about if each.wrong] == []
    assert len(about) == 4
