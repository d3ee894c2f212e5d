"""Check the books by sums and by order. Each check is one query that finds wrong rows.

A check reports how many rows it covers, how many are wrong, and the first of them. All checks
read one snapshot, so traffic may go on meanwhile. PostgreSQL sorts and joins the rows, so the
memory of this process does not grow with the books.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, text

from ledger.checks import batches, chains, entries, month_ends, orders, residuals, rounds
from ledger.checks.check import BookCheck, MonthEnd, WalletScope
from storage.transactions import reading, snapshot
from vocabulary.errors import Contradiction

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
#: How many wrong rows each check names.
NAMED_MAX = 10


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


def verify(engine: Engine, *, scope: WalletScope | None = None) -> Iterator[CheckResult]:
    """Run the checks on one snapshot, yielding each result as its check ends.

    Raises:
        Contradiction: another month end was taken since that of the scope was read.
        Unavailable: the database is out of reach.
    """
    with snapshot(engine, "verify") as connection:
        checked_scope = _scope_now(connection, scope or WalletScope())
        for check in checks_for(checked_scope)[0]:
            yield _run(connection, check, checked_scope)


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


def _run(connection: Connection, check: BookCheck, scope: WalletScope) -> CheckResult:
    checked = connection.execute(
        text(scope.render(check.figure)), scope.parameters
    ).scalar_one()
    wrong_rows = f"""
WITH w (row_name) AS MATERIALIZED ({scope.render(check.wrong)})
SELECT (SELECT count(*) FROM w),
       ARRAY(SELECT row_name FROM w ORDER BY row_name LIMIT {NAMED_MAX})
"""  # noqa: S608 - constants of our own checks
    wrong, named = connection.execute(text(wrong_rows), scope.parameters).one()
    return CheckResult(
        name=check.name, promise=check.promise, checked=checked, wrong=wrong, named=tuple(named)
    )
