"""Steady traffic during a fault: complete simulations, one after another."""

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
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Unavailable

SIDES = (AGGREGATOR, SPORTSBOOK)
SLUGS: Mapping[Side, str] = {side: side.name for side in SIDES}
PROVIDERS = {
    side: configuration(side, secret=f"{side.name} secret of the tests".encode())
    for side in SIDES
}
#: Callbacks and players of one simulation.
CALLBACKS, PLAYERS = 300, 12
#: Callbacks per second of one load.
RATE = 150.0
#: Longer than any fault lasts; a callback without a final answer proves nothing.
PATIENCE = RetryPolicy(deadline=600.0, one_send=4.0, pause=0.05, pause_max=0.5)


class Load(threading.Thread):
    """Sends callbacks until ``finish``, which completes the current simulation.

    Every callback is repeated until it has a final answer, so no outcome stays unknown.

    Attributes:
        mismatched: final answers that differ from the expected ones.
    """

    def __init__(self, url: str, database_url: str, folder: Path, *, seed: int) -> None:
        super().__init__(name=f"load-{seed}", daemon=True)
        self.mismatched = 0
        self._target = ReceiverTarget(url=url, providers=PROVIDERS)
        self._database_url = database_url
        self._folder = folder
        self._seed = seed
        self._answer_times: list[float] = []
        self._stop_requested = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Simulate one seed after another."""
        seed = self._seed
        try:
            while not self._stop_requested.is_set():
                self._simulate(seed)
                seed += 1
        except BaseException as failure:  # noqa: BLE001 - raised by check
            self._failure = failure

    def answered_since(self, instant: float) -> float | None:
        """The monotonic time of the first final answer after an instant."""
        self.check()
        return next((at for at in self._answer_times if at > instant), None)

    def finish(self) -> None:
        """Complete the current simulation and raise any failure."""
        self._stop_requested.set()
        self.join()
        self.check()

    def check(self) -> None:
        """Raise the failure that ended the load, if any."""
        if self._failure is not None:
            raise RuntimeError("the load ended") from self._failure

    def _simulate(self, seed: int) -> None:
        plan = make_plan(
            seed=seed, callbacks=CALLBACKS, players=PLAYERS, systems=SIDES, currency="USD"
        )
        self._import(plan)
        journal = self._folder / f"{seed}.jsonl"
        options = CampaignOptions(faults=0, history=True, statements={}, journal=journal)
        pace = Pace(connections=16, rate=RATE, patience=PATIENCE)
        run = run_campaign(
            plan, self._target, pace, options, clock=SystemClock(), announce=self._announce
        )
        result = asyncio.run(run)
        self.mismatched += result.summary.mismatched + result.closing.mismatched
        self.mismatched += result.unacknowledged

    def _announce(self, _label: str, _units: int) -> Callable[[int], None]:
        return lambda _done: self._answer_times.append(time.monotonic())

    def _import(self, plan: Plan) -> None:
        """Import the players; retry while the database is unavailable."""
        roster = self._folder / f"{plan.seed}.csv"
        with roster.open("w", newline="") as file:
            write_roster(file, plan.players, SLUGS)
        while True:
            engine = open_engine(self._database_url)
            try:
                with roster.open(newline="") as file:
                    import_players(engine, read_players(file, ISO_ONLY))
            except (OperationalError, InterfaceError, InternalError, Unavailable):
                time.sleep(0.2)
            else:
                return
            finally:
                engine.dispose()


def first_answer(loads: Sequence[Load], instant: float, *, patience_s: float) -> float:
    """Seconds from an instant to the first final answer after it."""
    deadline = time.monotonic() + patience_s
    while True:
        times = [at for load in loads if (at := load.answered_since(instant)) is not None]
        if times:
            return min(times) - instant
        assert time.monotonic() < deadline, "no callback was answered after the fault"
        time.sleep(0.01)
