"""Check the books by sums and by order. Each check is one query that finds wrong rows.

A check reports how many rows it covers, how many are wrong, and the first of them. Checks of
wallets may be cut into ranges of wallets that run beside each other. All of them read one
snapshot, so traffic may go on meanwhile. PostgreSQL sorts and joins the rows, so the
memory of this process does not grow with the books.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, Engine

from ledger.checks import batches, chains, entries, orders, residuals, rounds
from ledger.checks.check import BookCheck, WalletScope
from ledger.checks.parts import (
    CheckedPart,
    CheckTask,
    check_part,
    decode_result,
    encode_result,
    is_clean,
    merged,
    run_part,
)
from ledger.proof_options import CHECKED_PER_PART, ProofOptions
from ledger.proof_resumption import Resumption, part_name
from ledger.wallet_ranges import expected_operations, ranges_by_count
from storage.engine import url_of
from storage.transactions import shared_snapshot
from vocabulary.executors import Executor, InProcess

#: The checks that can be limited to some wallets, because they join no rows of two wallets.
WALLET_CHECKS: tuple[BookCheck, ...] = (
    *entries.CHECKS,
    *chains.CHECKS,
    *rounds.CHECKS,
    *orders.WALLET_CHECKS,
)
#: Every check, in the order they are run.
CHECKS: tuple[BookCheck, ...] = (
    *WALLET_CHECKS,
    *orders.BATCH_CHECKS,
    *residuals.CHECKS,
    *batches.CHECKS,
)
_DEFAULTS = ProofOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check; the names are JSON keys.

    Attributes:
        checked: how many rows the check covers.
        wrong: how many of them break the promise.
        named: the names of the first wrong rows, sorted.
    """

    name: str
    promise: str
    checked: int
    wrong: int
    named: tuple[str, ...]

    @property
    def first(self) -> str | None:
        """The first wrong row."""
        return self.named[0] if self.named else None


def checks_for(scope: WalletScope) -> tuple[tuple[BookCheck, ...], list[str]]:
    """The checks that can be run on the scope, and the names of those that cannot."""
    if not scope.is_partial:
        return CHECKS, []
    return WALLET_CHECKS, [check.name for check in CHECKS if check not in WALLET_CHECKS]


def verify(
    engine: Engine, *, scope: WalletScope | None = None, options: ProofOptions = _DEFAULTS
) -> Iterator[CheckResult]:
    """Run the checks on one snapshot, yielding each result as its check ends.

    Raises:
        Unavailable: the database or the workers are out of reach.
    """
    checked_scope = scope or WalletScope()
    checks, _ = checks_for(checked_scope)
    with shared_snapshot(engine, "verify") as (connection, name):
        operations = expected_operations(connection)
        progress = Resumption(
            connection,
            options.progress,
            {"proof": "verify", "scope": checked_scope.text},
            partial(
                ranges_by_count,
                connection,
                options.parts_for(operations, per_part=CHECKED_PER_PART),
            ),
        )
        base = CheckTask(
            name="",
            check=checks[0],
            scope=checked_scope,
            reads_most=not checked_scope.is_partial,
            database_url=url_of(engine),
            snapshot=name,
        )
        tasks = _tasks(base, checks, progress)
        executor = options.executor_for(operations, per_part=CHECKED_PER_PART)
        yield from _in_order(checks, tasks, _results(connection, tasks, executor, progress))
        progress.end()


def _tasks(
    base: CheckTask, checks: Sequence[BookCheck], progress: Resumption
) -> list[CheckTask]:
    ranges = progress.ranges
    scopes = [base.scope.within(each) for each in ranges] if len(ranges) > 1 else [base.scope]
    tasks = []
    for check in checks:
        if check not in WALLET_CHECKS:
            tasks.append(replace(base, name=check.name, check=check))
            continue
        for number, scope in enumerate(scopes):
            name = part_name(check.name, number)
            clean = progress.clean_before(number, name, is_clean)
            unproven = replace(scope, mark=progress.mark) if clean else None
            tasks.append(replace(base, name=name, check=check, scope=scope, unproven=unproven))
    return tasks


def _results(
    connection: Connection, tasks: Sequence[CheckTask], executor: Executor, progress: Resumption
) -> Iterator[tuple[CheckTask, CheckedPart]]:
    """Every task with its result, as they end; in this process over the open connection."""
    missing = []
    for task in tasks:
        kept = progress.finished.get(task.name)
        if kept is None:
            missing.append(task)
        else:
            yield task, decode_result(kept)
    ended: Iterable[tuple[CheckTask, bytes]]
    if isinstance(executor, InProcess):
        ended = ((task, encode_result(check_part(connection, task))) for task in missing)
    else:
        ended = executor.run(run_part, missing)
    for task, encoded in ended:
        progress.save(task.name, encoded)
        yield task, decode_result(encoded)


def _in_order(
    checks: Sequence[BookCheck],
    tasks: Sequence[CheckTask],
    results: Iterable[tuple[CheckTask, CheckedPart]],
) -> Iterator[CheckResult]:
    """The results of the checks in their order, each when all of its parts have ended."""
    missing = Counter(task.check.name for task in tasks)
    ended: dict[str, list[CheckedPart]] = {check.name: [] for check in checks}
    waiting = deque(checks)
    for task, result in results:
        ended[task.check.name].append(result)
        while waiting and len(ended[waiting[0].name]) == missing[waiting[0].name]:
            check = waiting.popleft()
            yield _check_result(check, merged(ended[check.name]))


def _check_result(check: BookCheck, result: CheckedPart) -> CheckResult:
    return CheckResult(
        name=check.name,
        promise=check.promise,
        checked=result.checked,
        wrong=result.wrong,
        named=result.named,
    )
