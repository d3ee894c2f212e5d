"""Executors that fail: a worker is killed, or the run ends after some parts."""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vocabulary.executors import Executor, Work


def kill_worker_once(work: Work, marker: str, task: Any) -> bytes:
    """Do the work; the first process to create ``marker`` is killed instead."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return work(task)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process still runs")


@dataclass(frozen=True, slots=True)
class KillsOneWorker:
    """An executor that loses one worker."""

    executor: Executor
    marker: Path

    @property
    def shares_disk(self) -> bool:
        return self.executor.shares_disk

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        yield from self.executor.run(partial(kill_worker_once, work, str(self.marker)), tasks)


class Stopped(Exception):
    """Ends a run between two parts."""


@dataclass(frozen=True, slots=True)
class StopsAfter:
    """An executor that ends the run after some parts."""

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
class CountingExecutor:
    """An executor that records which parts it ran."""

    executor: Executor
    part_numbers: list[int]

    @property
    def shares_disk(self) -> bool:
        return self.executor.shares_disk

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        for task, answer in self.executor.run(work, tasks):
            self.part_numbers.append(task.number)
            yield task, answer
