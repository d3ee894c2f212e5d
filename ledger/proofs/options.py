"""How a proof works: in which parts, and where they run. No option changes its result."""

from dataclasses import dataclass

from ledger.proofs.progress import ProofProgress
from vocabulary.executors import Dask, Executor, InProcess, Pool

#: Fewer rows for each part are not worth another process: a second of checks, or of decisions.
CHECKED_PER_PART = 100_000
DECIDED_PER_PART = 20_000
#: Parts on a cluster, whose size is not known here. Each of them scans the tables.
_PARTS_ON_CLUSTER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOptions:
    """How a proof works.

    Attributes:
        jobs: the most processes of this machine.
        scheduler: the address of a Dask cluster that runs the parts instead, or None.
        parts: into how many ranges of wallets the books are cut; None: by their size.
        progress: where finished parts are kept until the proof ends; None: nowhere.
    """

    jobs: int = 1
    scheduler: str | None = None
    parts: int | None = None
    progress: ProofProgress | None = None

    def parts_for(self, rows: int, *, per_part: int) -> int:
        """The number of parts for so many rows, of which a part has at least ``per_part``."""
        if self.parts is not None:
            return self.parts
        most = self.jobs if self.scheduler is None else _PARTS_ON_CLUSTER
        return max(1, min(most, rows // per_part))

    def executor_for(self, rows: int, *, per_part: int) -> Executor:
        """Where the parts of so many rows run."""
        if self.scheduler is not None:
            return Dask(self.scheduler)
        processes = min(self.jobs, self.parts_for(rows, per_part=per_part))
        return Pool(processes) if processes > 1 else InProcess()
