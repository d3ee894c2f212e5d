"""Where the parts of a comparison run: in this process, in a pool of processes, or on Dask.

Each of them is asked the same thing and gives back the same bytes, in whatever order they end.
A worker may die in the middle of a part: the part is asked again, a bounded number of times,
for it writes nothing and reads a snapshot that does not move.
"""

import importlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, ClassVar, Protocol

from vocabulary.errors import Unavailable

#: Times a part may be lost with its worker before the run gives up.
LOSSES_MAX = 3
#: Parts under way or finished and not fetched, for each worker: no more wait in memory.
AHEAD = 2

Work = Callable[[Any], bytes]


class Executor(Protocol):
    """Somewhere to run parts."""

    @property
    def shares_disk(self) -> bool:
        """Whether parts see the files that the run writes."""
        ...

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        """Every task with what ``work`` answered, as they end.

        Tasks are taken as there is room for them: what they carry need not be in memory.

        Raises:
            Unavailable: too many workers died, or there are none.
        """
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """One part after the other, here."""

    shares_disk: ClassVar[bool] = True

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        """See ``Executor``."""
        for task in tasks:
            yield task, work(task)


@dataclass(frozen=True, slots=True)
class Pool:
    """Processes of this machine, each with connections of its own."""

    workers: int
    shares_disk: ClassVar[bool] = True

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        """See ``Executor``."""
        ahead = iter(tasks)
        lost: deque[Any] = deque()
        losses = 0
        while True:
            under_way: dict[Future[bytes], Any] = {}
            try:
                for each in self._until_broken(work, chain(_drained(lost), ahead), under_way):
                    losses = 0
                    yield each
            except BrokenProcessPool:
                losses += 1
                lost.extend(under_way.values())
                if losses > LOSSES_MAX:
                    raise Unavailable(
                        f"worker processes died {losses} times without ending a part"
                    ) from None
            else:
                return

    def _until_broken(
        self, work: Work, ahead: Iterator[Any], under_way: dict[Future[bytes], Any]
    ) -> Iterator[tuple[Any, bytes]]:
        """Whatever is in ``under_way`` when the pool breaks is undone."""
        pool = ProcessPoolExecutor(
            self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_end_with_parent,
        )
        try:
            while True:
                for task in islice(ahead, AHEAD * self.workers - len(under_way)):
                    under_way[_submitted(pool, work, task)] = task
                if not under_way:
                    return
                for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                    answer = done.result()
                    yield under_way.pop(done), answer
        finally:
            pool.shutdown(cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, work: Work, task: Any) -> Future[bytes]:
    """A future of the task, also where the pool broke a moment ago: then it is lost at once."""
    try:
        return pool.submit(work, task)
    except BrokenProcessPool as error:
        future: Future[bytes] = Future()
        future.set_exception(error)
        return future


def _drained(lost: deque[Any]) -> Iterator[Any]:
    while lost:
        yield lost.popleft()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next part for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True, slots=True)
class Dask:
    """A Dask cluster whose workers can import this application and reach the database.

    Attributes:
        address: of the scheduler, such as ``tcp://10.0.0.5:8786``.
        patience_s: longest wait for a first worker, in seconds.
        connect_s: longest wait for the scheduler to answer, in seconds.
    """

    address: str
    patience_s: int = 60
    connect_s: int = 10
    shares_disk: ClassVar[bool] = False

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        """See ``Executor``."""
        ahead = iter(tasks)
        first = next(ahead, None)
        if first is None:
            return
        client = self._connected()
        try:
            yield from self._all(client, work, chain([first], ahead))
        finally:
            client.close()

    def _connected(self) -> Any:
        distributed = _distributed()
        try:
            client = distributed.Client(
                self.address, timeout=self.connect_s, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise Unavailable(f"no Dask scheduler answers at {self.address}") from error
        try:
            client.wait_for_workers(1, timeout=self.patience_s)
        except TimeoutError as error:
            client.close()
            raise Unavailable(f"the Dask cluster at {self.address} has no workers") from error
        return client

    def _all(
        self, client: Any, work: Work, ahead: Iterator[Any]
    ) -> Iterator[tuple[Any, bytes]]:
        distributed = _distributed()
        asked: dict[Any, tuple[Any, int]] = {}
        ended = distributed.as_completed(loop=client.loop)

        def ask(task: Any, losses: int) -> None:
            future = client.submit(work, task, pure=False)
            asked[future.key] = (task, losses)
            ended.add(future)

        for task in islice(ahead, AHEAD * len(client.scheduler_info()["workers"])):
            ask(task, 0)
        for future in ended:
            task, losses = asked.pop(future.key)
            try:
                answer = future.result()
            except (distributed.KilledWorker, distributed.CancelledError) as error:
                if losses == LOSSES_MAX:
                    raise Unavailable(f"the cluster lost a part {losses + 1} times") from error
                ask(task, losses + 1)
                continue
            future.release()
            yield task, answer
            for task in islice(ahead, 1):
                ask(task, 0)


def _distributed() -> Any:
    """The library, which is an extra, slow to import, and has no types."""
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise Unavailable(
            "a cluster needs the extra: pip install 'tieout[distributed]'"
        ) from None


def executor_of(*, workers: int, scheduler: str | None) -> Executor:
    """Where the options of a command say that parts run."""
    if scheduler is not None:
        return Dask(scheduler)
    return Pool(workers) if workers > 1 else InProcess()
