"""A receiver and a worker that take callbacks, the loads they are given, and what they use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import (
    BenchSetup,
    drained,
    load,
    open_loop,
    running,
    wait_until_answering,
    warm_up,
)
from benchmarks.loads.closed_loop import RATE_MAX
from benchmarks.profiling.processes import Usage, family, server_usage, usage_of
from ops.engines import servers

CONNECTIONS = 64
#: Requests built beforehand for each second of a saturated load; of a long one fewer, as they
#: would take gigabytes and minutes.
BUILT_RATE, LONG_BUILT_RATE = RATE_MAX, 12_000
LONG_S = 60.0

Load = Callable[[], dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pids:
    """The processes that take part."""

    receiver: int
    worker: int
    postgres: int
    valkey: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSource:
    """What sends callbacks; each load has players' rounds of its own.

    Attributes:
        turns: numbers that no load of the receiver has had.
    """

    port: int
    dialect: str
    seconds: float
    turns: Iterator[int]

    def at(self, rate: float) -> Load:
        """So many a second, at random instants."""
        return lambda: open_loop(
            self.port, self.dialect, rate=rate, seconds=self.seconds, turn=next(self.turns)
        )

    def saturating(self) -> Load:
        """As many as are answered over ``CONNECTIONS``."""
        return lambda: load(
            self.port,
            self.dialect,
            connections=CONNECTIONS,
            seconds=self.seconds,
            turn=next(self.turns),
            rate=BUILT_RATE if self.seconds < LONG_S else LONG_BUILT_RATE,
        )


@contextmanager
def taking_callbacks(
    stage: BenchSetup, source: CallbackSource, warm_up_s: float
) -> Iterator[Pids]:
    """One receiver and one worker that are warm and have posted everything."""
    with (
        running("ops", "receiver", stage=stage) as receiver,
        running("ops", "worker", "--processes", "1", stage=stage) as worker,
    ):
        wait_until_answering(stage.port)
        warm_up(stage.port, source.dialect, turn=next(source.turns), seconds=warm_up_s)
        drained(stage.database_url)
        postgres, valkey = _servers(stage.data)
        yield Pids(receiver=receiver.pid, worker=worker.pid, postgres=postgres, valkey=valkey)


def usage_by_process(pids: Pids) -> dict[str, Usage]:
    """What each process and those below it used so far; PostgreSQL by role."""
    own = {"receiver": pids.receiver, "worker": pids.worker, "broker": pids.valkey}
    used = {
        name: sum((usage_of(process) for process in family(pid)), Usage())
        for name, pid in own.items()
    }
    server = server_usage(pids.postgres)
    return used | {f"postgres {name}": usage for name, usage in server.items()}


def _servers(data: Path) -> tuple[int, int]:
    embedded = servers.status(data)
    assert embedded.postgres is not None
    assert embedded.valkey is not None
    return embedded.postgres, embedded.valkey
