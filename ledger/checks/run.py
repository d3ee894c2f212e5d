"""Check the books by sums and by order. Each check is one query that finds wrong rows.

A check reports how many rows it covers, how many are wrong, and the first of them. Checks of
wallets may be cut into ranges of wallets that run beside each other. All of them read one
snapshot, so traffic may go on meanwhile. PostgreSQL sorts and joins the rows, so the
memory of this process does not grow with the books.

Of whole books, most promises are first shown together in one reading, in memory of bounded size
(``ledger.checks.proven``). The queries then run for what could not be shown.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, Engine, text

from ledger.checks import (
    batches,
    chains,
    entries,
    listed_breaks,
    month_ends,
    orders,
    residuals,
    rounds,
)
from ledger.checks.check import BookCheck, MonthEnd, WalletScope
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
from ledger.checks.proven import ShownTogether, readers_for
from ledger.proofs.options import CHECKED_PER_PART, ProofOptions
from ledger.proofs.resumption import Resumption, part_name
from ledger.proofs.wallet_ranges import expected_operations, ranges_by_count
from storage.archive.row_cut import rows_begin_at
from storage.engine import url_of
from storage.transactions import reading, shared_snapshot
from vocabulary.errors import Contradiction
from vocabulary.executors import Executor, InProcess
from vocabulary.pacing import pause_point

#: The checks that can be limited to some wallets, because they join no rows of two wallets.
WALLET_CHECKS: tuple[BookCheck, ...] = (
    *entries.CHECKS,
    *chains.CHECKS,
    *rounds.CHECKS,
    *orders.WALLET_CHECKS,
    *month_ends.WALLET_CHECKS,
)
#: Every check, in the order they are run.
CHECKS: tuple[BookCheck, ...] = (
    *WALLET_CHECKS,
    *orders.BATCH_CHECKS,
    *residuals.CHECKS,
    *listed_breaks.CHECKS,
    *batches.CHECKS,
    *month_ends.CHECKS,
)
#: The checks that need what is before the month end.
WHOLE_CHECKS = frozenset(
    {
        *(check.name for check in month_ends.WALLET_CHECKS),
        *(check.name for check in orders.BATCH_CHECKS),
        "archived_entries_keep_their_totals",
    }
)
_MONTH_END = """
SELECT at, coalesce((SELECT min(batch_id) FROM batches WHERE committed_at >= at),
                    9223372036854775807) AS first_batch
  FROM month_ends ORDER BY month DESC LIMIT 1
"""
_DEFAULTS = ProofOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check; the names are JSON keys.

    Attributes:
        checked: how many rows the check covers.
        wrong: how many of them break the promise.
        named: the names of the first wrong rows, sorted.
        remedy: what mends wrong rows, if a command of ours does.
    """

    name: str
    promise: str
    checked: int
    wrong: int
    named: tuple[str, ...]
    remedy: str | None

    @property
    def first(self) -> str | None:
        """The first wrong row."""
        return self.named[0] if self.named else None


def checks_for(scope: WalletScope) -> tuple[tuple[BookCheck, ...], list[str]]:
    """The checks that can be run on the scope, and the names of those that cannot."""
    checks = WALLET_CHECKS if scope.leaves_out_wallets else CHECKS
    if scope.month_end is not None:
        later = tuple(check for check in CHECKS if check.name not in WHOLE_CHECKS)
        checks = tuple(c for c in later if c in checks or c in month_ends.CHECKS)
    return checks, [check.name for check in CHECKS if check not in checks]


def newest_month_end(engine: Engine) -> MonthEnd | None:
    """Where a proof can begin; None: no month was let go.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "verify") as connection:
        return _month_end(connection)


def provable_scope(engine: Engine, scope: WalletScope) -> WalletScope:
    """The part of a scope that rows prove: from the month end on, once older ones left.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "verify") as connection:
        return _provable(connection, scope)


def verify(
    engine: Engine, *, scope: WalletScope | None = None, options: ProofOptions = _DEFAULTS
) -> Iterator[CheckResult]:
    """Run the checks on one snapshot, yielding each result as its check ends.

    Once rows left for archives, every scope begins at the newest month end.

    Raises:
        Contradiction: another month end was taken since that of the scope was read.
        Unavailable: the database or the workers are out of reach.
    """
    with shared_snapshot(engine, "verify") as (connection, name):
        checked_scope = _scope_now(connection, _provable(connection, scope or WalletScope()))
        checks, _ = checks_for(checked_scope)
        operations = expected_operations(connection)
        resumption = Resumption(
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
        tasks = _tasks(base, checks, resumption)
        executor = options.executor_for(operations, per_part=CHECKED_PER_PART)
        together = ShownTogether(
            connection=connection,
            engine=engine,
            snapshot=name,
            scope=checked_scope,
            jobs=readers_for(options, operations),
        )
        results = _results(tasks, executor, resumption, together)
        yield from _in_order(checks, tasks, results)
        resumption.end()


def _provable(connection: Connection, scope: WalletScope) -> WalletScope:
    if scope.month_end is not None or rows_begin_at(connection) is None:
        return scope
    return replace(scope, month_end=_month_end(connection))


def _scope_now(connection: Connection, scope: WalletScope) -> WalletScope:
    """The scope with the batches that this snapshot has after the month end."""
    if scope.month_end is None:
        return scope
    newest = _month_end(connection)
    if newest is None or newest.at != scope.month_end.at:
        raise Contradiction("another month was let go meanwhile: prove again")
    return replace(scope, month_end=newest)


def _month_end(connection: Connection) -> MonthEnd | None:
    row = connection.execute(text(_MONTH_END)).one_or_none()
    return None if row is None else MonthEnd(*row)


def _tasks(
    base: CheckTask, checks: Sequence[BookCheck], resumption: Resumption
) -> list[CheckTask]:
    scopes = [base.scope]
    if len(resumption.ranges) > 1:
        scopes = [base.scope.within(wallet_range) for wallet_range in resumption.ranges]
    tasks = []
    for check in checks:
        if check not in WALLET_CHECKS:
            tasks.append(replace(base, name=check.name, check=check))
            continue
        for number, scope in enumerate(scopes):
            name = part_name(check.name, number)
            clean = resumption.clean_before(number, name, is_clean)
            unproven = replace(scope, mark=resumption.mark) if clean else None
            tasks.append(replace(base, name=name, check=check, scope=scope, unproven=unproven))
    return tasks


def _results(
    tasks: Sequence[CheckTask],
    executor: Executor,
    resumption: Resumption,
    together: ShownTogether,
) -> Iterator[tuple[CheckTask, CheckedPart]]:
    """Every task with its result, as they end; in this process over the open connection."""
    here = partial(_one_by_one, together.connection)
    in_process = isinstance(executor, InProcess)
    anywhere = here if in_process else partial(executor.run, run_part)
    run = partial(together.results, tasks, here, anywhere)
    for part in resumption.results(tasks, run):
        yield part.task, decode_result(part.result)


def _one_by_one(
    connection: Connection, tasks: Iterable[CheckTask]
) -> Iterator[tuple[CheckTask, bytes]]:
    for task in tasks:
        pause_point()
        yield task, encode_result(check_part(connection, task))


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
        remedy=check.remedy,
    )
