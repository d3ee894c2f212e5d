"""Traffic that goes on through a fault: whole simulations, one after another, steadily."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

from ledger.players.importer import import_players, read_players
from simulator.protocol.messages import Side
from simulator.protocol.sender import RetryPolicy
from simulator.run.campaign import CampaignOptions, run_campaign
from simulator.run.driver import Pace, ReceiverTarget
from simulator.scenarios.plan import Plan, make_plan
from simulator.scenarios.players_csv import write_roster
from storage.engine import open_engine
from tests.harness.providers.systems import AGGREGATOR, SPORTSBOOK, configuration
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable

SIDES = (AGGREGATOR, SPORTSBOOK)
SLUGS: Mapping[Side, str] = {side: side.name for side in SIDES}
PROVIDERS = {
    side: configuration(side, secret=f"{side.name} secret of the tests".encode())
    for side in SIDES
}
#: Callbacks of one simulation, and players among whom they are shared.
CALLBACKS, PLAYERS = 300, 12
#: Callbacks per second of one load.
RATE = 150.0
#: Longer than any fault lasts: a callback without a final answer would prove nothing.
PATIENCE = RetryPolicy(deadline=600.0, one_send=4.0, pause=0.05, pause_max=0.5)


class Load(threading.Thread):
    """Sends until told to stop, and then finishes the simulation it is in.

    Every callback is repeated until it has a final answer, so in the end nothing is unknown.

    Attributes:
        mismatched: answers that were not the expected ones, after all repeats.
    """

    def __init__(self, url: str, database_url: str, folder: Path, *, seed: int) -> None:
        super().__init__(name=f"load-{seed}", daemon=True)
        self.mismatched = 0
        self._target = ReceiverTarget(url=url, providers=PROVIDERS)
        self._database_url = database_url
        self._folder = folder
        self._seed = seed
        self._answered: list[float] = []
        self._over = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Simulate one seed after another."""
        number = self._seed
        try:
            while not self._over.is_set():
                self._simulate(number)
                number += 1
        except BaseException as failure:  # noqa: BLE001 - told to whoever joins
            self._failure = failure

    def answered_since(self, instant: float) -> float | None:
        """When the first callback was answered for good after an instant, both monotonic."""
        self.check()
        return next((at for at in self._answered if at > instant), None)

    def finish(self) -> None:
        """Let the current simulation end; raise what went wrong in it."""
        self._over.set()
        self.join()
        self.check()

    def check(self) -> None:
        """Raise what ended the load, if something did."""
        if self._failure is not None:
            raise RuntimeError("the load ended") from self._failure

    def _simulate(self, seed: int) -> None:
        plan = make_plan(
            seed=seed, callbacks=CALLBACKS, players=PLAYERS, systems=SIDES, currency="USD"
        )
        self._import(plan)
        journal = self._folder / f"{seed}.jsonl"
        orders = CampaignOptions(faults=0, history=True, statements={}, journal=journal)
        pace = Pace(connections=16, rate=RATE, patience=PATIENCE)
        run = run_campaign(
            plan, self._target, pace, orders, clock=SystemClock(), announce=self._announce
        )
        done = asyncio.run(run)
        self.mismatched += (
            done.summary.mismatched + done.closing.mismatched + done.unacknowledged
        )

    def _announce(self, _what: str, _units: int) -> Callable[[int], None]:
        return lambda _done: self._answered.append(time.monotonic())

    def _import(self, plan: Plan) -> None:
        """Make the players; while the database is away, again and again."""
        roster = self._folder / f"{plan.seed}.csv"
        with roster.open("w", newline="") as file:
            write_roster(file, plan.players, SLUGS)
        while True:
            engine = open_engine(self._database_url)
            try:
                with roster.open(newline="") as file:
                    import_players(engine, read_players(file))
            except (OperationalError, InterfaceError, InternalError, Unavailable):
                time.sleep(0.2)
            else:
                return
            finally:
                engine.dispose()


def first_answer(loads: Sequence[Load], instant: float, *, patience_s: float) -> float:
    """Seconds from an instant to the first callback answered for good after it."""
    deadline = time.monotonic() + patience_s
    while True:
        found = [at for load in loads if (at := load.answered_since(instant)) is not None]
        if found:
            return min(found) - instant
        assert time.monotonic() < deadline, "no callback was answered after the fault"
        time.sleep(0.01)
