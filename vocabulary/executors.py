"""Where the parts of some work run: in this process, in a pool of processes, or on Dask.

All executors run the same function on the same tasks and return the same bytes, in whatever
order the parts finish. A worker may die in the middle of a part. The part then runs again, a
bounded number of times: it writes nothing and reads a snapshot that does not change.
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
from vocabulary.pacing import pause_point
from vocabulary.plurals import counted

#: How often workers may die before the work is given up.
LOSSES_MAX = 3
#: Parts per worker that are running or finished but not yet fetched; it bounds memory.
AHEAD = 2

Work = Callable[[Any], bytes]


class Executor(Protocol):
    """Runs parts somewhere."""

    @property
    def shares_disk(self) -> bool:
        """Whether parts can read files that this process writes."""
        ...

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        """Yield every task with the result of ``work``, as the tasks finish.

        Tasks are taken only when there is room for them, so they need not all be in memory.

        Raises:
            Unavailable: too many workers died, or there are none.
        """
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """Runs one part after the other in this process."""

    shares_disk: ClassVar[bool] = True

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        """See ``Executor``."""
        for task in tasks:
            yield task, work(task)
            pause_point()


@dataclass(frozen=True, slots=True)
class Pool:
    """Runs parts in processes of this machine, each with its own connections."""

    workers: int
    shares_disk: ClassVar[bool] = True

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
        """See ``Executor``."""
        ahead = iter(tasks)
        lost: deque[Any] = deque()
        losses = 0
        while True:
            running: dict[Future[bytes], Any] = {}
            try:
                for result in self._run_until_broken(work, chain(_drain(lost), ahead), running):
                    losses = 0
                    yield result
            except BrokenProcessPool:
                losses += 1
                lost.extend(running.values())
                if losses > LOSSES_MAX:
                    raise Unavailable(
                        f"worker processes died {counted(losses, 'time')} without ending a part"
                    ) from None
            else:
                return

    def _run_until_broken(
        self, work: Work, ahead: Iterator[Any], running: dict[Future[bytes], Any]
    ) -> Iterator[tuple[Any, bytes]]:
        """Run tasks in a new pool; tasks still in ``running`` when it breaks are lost."""
        pool = ProcessPoolExecutor(
            self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_end_with_parent,
        )
        try:
            while True:
                for task in islice(ahead, AHEAD * self.workers - len(running)):
                    running[_submit(pool, work, task)] = task
                if not running:
                    return
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    encoded = done.result()
                    yield running.pop(done), encoded
                pause_point()
        finally:
            pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, work: Work, task: Any) -> Future[bytes]:
    """Submit a task; if the pool has just broken, return a future that fails."""
    try:
        return pool.submit(work, task)
    except BrokenProcessPool as error:
        future: Future[bytes] = Future()
        future.set_exception(error)
        return future


def _drain(lost: deque[Any]) -> Iterator[Any]:
    while lost:
        yield lost.popleft()


def _end_with_parent() -> None:
    """End this worker when its parent dies; otherwise it would wait for parts for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True, slots=True)
class Dask:
    """Runs parts on a Dask cluster whose workers have this application and reach the database.

    Attributes:
        address: of the scheduler, such as ``tcp://10.0.0.5:8786``.
        patience_s: the longest wait for a first worker, in seconds.
        connect_s: the longest wait for the scheduler to answer, in seconds.
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
        client = self._connect()
        try:
            yield from self._run_on(client, work, chain([first], ahead))
        finally:
            client.close()

    def _connect(self) -> Any:
        distributed = _import_distributed()
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

    def _run_on(
        self, client: Any, work: Work, ahead: Iterator[Any]
    ) -> Iterator[tuple[Any, bytes]]:
        distributed = _import_distributed()
        running: dict[Any, tuple[Any, int]] = {}
        completed = distributed.as_completed(loop=client.loop)

        def submit(task: Any, losses: int) -> None:
            future = client.submit(work, task, pure=False)
            running[future.key] = (task, losses)
            completed.add(future)

        for task in islice(ahead, AHEAD * len(client.scheduler_info()["workers"])):
            submit(task, 0)
        for future in completed:
            task, losses = running.pop(future.key)
            try:
                encoded = future.result()
            except (distributed.KilledWorker, distributed.CancelledError) as error:
                if losses == LOSSES_MAX:
                    raise Unavailable(
                        f"the cluster lost a part {counted(losses + 1, 'time')}"
                    ) from error
                submit(task, losses + 1)
                continue
            future.release()
            yield task, encoded
            for next_task in islice(ahead, 1):
                submit(next_task, 0)


def _import_distributed() -> Any:
    """Import the optional library, which is slow to import and has no types."""
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise Unavailable(
            "a cluster needs the extra: pip install 'tieout[distributed]'"
        ) from None


def executor_of(*, workers: int, scheduler: str | None) -> Executor:
    """Return the executor that a command's options select."""
    if scheduler is not None:
        return Dask(scheduler)
    return Pool(workers) if workers > 1 else InProcess()
