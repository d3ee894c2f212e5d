"""Parts of a verify that need no query of their own: their promises are shown together.

Only whole books are proven so. An installation without numpy, a cluster, a part of the wallets,
and a verify that goes on where it was leave every part to its check, as does a promise that
could not be shown.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, Engine

from ledger.checks.check import WalletScope
from ledger.checks.parts import CheckedPart, CheckTask, encode_result
from ledger.proofs.options import ProofOptions
from ledger.proofs.wallet_ranges import WalletRange

if TYPE_CHECKING:
    from ledger.checks.together.prove import Proven

#: The most connections that read at once: this process takes what a few of them send.
READERS_MAX = 4
#: Fewer operations for each are not worth another connection.
OPERATIONS_PER_READER = 50_000

Run: TypeAlias = Callable[[Sequence[CheckTask]], Iterable[tuple[CheckTask, bytes]]]
Results: TypeAlias = Iterator[tuple[CheckTask, bytes]]
#: The checks that may be shown together, whose queries read most of the books.
TOGETHER = frozenset(
    {
        *("chains_have_no_gap", "wallets_end_their_chain", "wallets_count_their_chain"),
        *("operations_fit_their_wallet", "orders_name_who_gave_them", "batches_are_whole"),
        *("entries_sum_to_zero", "wallets_equal_entries", "operations_posted_once"),
        *("sweeps_are_whole", "rounds_equal_operations", "ended_rounds_are_clear"),
    }
)
# Of those, the check that single operations of ours may keep from being shown.
_OF_FEW_ROWS = {"orders_name_who_gave_them"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTogether:
    """What is shown of whole books before the single checks run.

    Attributes:
        connection: on the snapshot of the verify.
        engine: where further connections come from.
        snapshot: the name of the snapshot.
        scope: of the verify.
        jobs: how many connections read at once; 0: nothing is shown together.
    """

    connection: Connection
    engine: Engine
    snapshot: str
    scope: WalletScope
    jobs: int

    def results(
        self, tasks: Sequence[CheckTask], here: Run, anywhere: Run, missing: Sequence[CheckTask]
    ) -> Results:
        """The results of missing tasks: first those that are shown together, then the others.

        Args:
            tasks: of all parts of the verify.
            here: runs tasks over the connection: what is left is cheap if nothing is wrong.
            anywhere: runs tasks where the options want them.
            missing: the tasks without a result.
        """
        proven = self._proven(tasks, missing)
        left = []
        for task in missing:
            figure = proven.figure(task.check.name, _range(task)) if proven else None
            if figure is None:
                left.append(task)
            else:
                yield task, encode_result(CheckedPart(checked=figure, wrong=0, named=()))
        is_shown = proven is not None and proven.counts and not any(map(_reads_most, left))
        yield from here(left) if is_shown else anywhere(left)

    def _proven(
        self, tasks: Sequence[CheckTask], missing: Sequence[CheckTask]
    ) -> "Proven | None":
        """What can be shown; None: nothing is tried."""
        names = {task.name for task in missing if task.unproven is None}
        is_new = names.issuperset(task.name for task in tasks if _is_of(task))
        if not self.jobs or self.scope.leaves_out_wallets or not is_new:
            return None
        try:
            from ledger.checks.together.prove import prove  # noqa: PLC0415 - needs an extra
        except ModuleNotFoundError as error:
            if error.name != "numpy":
                raise
            return None
        return prove(self.connection, self.engine, self.snapshot, self.scope, jobs=self.jobs)


def readers_for(options: ProofOptions, operations: int) -> int:
    """How many connections read at once; 0: the parts are for a cluster."""
    if options.scheduler is not None:
        return 0
    return max(1, min(options.jobs, READERS_MAX, operations // OPERATIONS_PER_READER))


def _is_of(task: CheckTask) -> bool:
    """Whether the task's check may be shown together with others."""
    return task.check.name in TOGETHER


def _reads_most(task: CheckTask) -> bool:
    """Whether the task's check reads and joins most of the books."""
    return task.check.name in TOGETHER - _OF_FEW_ROWS


def _range(task: CheckTask) -> WalletRange | None:
    return None if task.scope.wallets is None else WalletRange(*task.scope.wallets)
