"""Workers that die: the first one to take a part up is killed in the middle of it."""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reconcile.partitions.executors import Executor, Work


def dies_once(work: Work, marker: str, task: Any) -> bytes:
    """The work, but whoever is first to make the ``marker`` is killed before it is done."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return work(task)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process goes on")


@dataclass(frozen=True, slots=True)
class Mortal:
    """An executor, one of whose workers dies."""

    executor: Executor
    marker: Path

    @property
    def shares_disk(self) -> bool:
        return self.executor.shares_disk

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        yield from self.executor.run(partial(dies_once, work, str(self.marker)), tasks)


class Stopped(Exception):
    """What ends a run in the middle."""


@dataclass(frozen=True, slots=True)
class StopsAfter:
    """An executor under which the run itself ends after some parts."""

    executor: Executor
    parts: int

    @property
    def shares_disk(self) -> bool:
        return self.executor.shares_disk

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        for number, answer in enumerate(self.executor.run(work, tasks)):
            if number == self.parts:
                raise Stopped("stopped here")
            yield answer


@dataclass(frozen=True, slots=True)
class Counting:
    """An executor that notes which parts it was given."""

    executor: Executor
    asked: list[int]

    @property
    def shares_disk(self) -> bool:
        return self.executor.shares_disk

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        for task, answer in self.executor.run(work, tasks):
            self.asked.append(task.number)
            yield task, answer
