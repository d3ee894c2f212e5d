"""How a proof works: in which parts, and where they run. No option changes its result."""

from dataclasses import dataclass

from vocabulary.executors import Dask, Executor, InProcess, Pool

#: Books with fewer operations for each part are not worth another process.
OPERATIONS_PER_PART = 100_000
#: Parts on a cluster, whose size is not known here. Each of them scans the tables.
_PARTS_ON_CLUSTER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOptions:
    """How a proof works.

    Attributes:
        jobs: the most processes of this machine.
        scheduler: the address of a Dask cluster that runs the parts instead, or None.
        parts: into how many ranges of wallets the books are cut; None: by their size.
    """

    jobs: int = 1
    scheduler: str | None = None
    parts: int | None = None

    def parts_for(self, operations: int) -> int:
        """The number of parts for books of so many operations."""
        if self.parts is not None:
            return self.parts
        most = self.jobs if self.scheduler is None else _PARTS_ON_CLUSTER
        return max(1, min(most, operations // OPERATIONS_PER_PART))

    def executor_for(self, operations: int) -> Executor:
        """Where the parts of books of so many operations run."""
        if self.scheduler is not None:
            return Dask(self.scheduler)
        processes = min(self.jobs, self.parts_for(operations))
        return Pool(processes) if processes > 1 else InProcess()
