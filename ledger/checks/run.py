"""Check the books by sums and by order. Each check is one query that finds wrong rows.

A check reports how many rows it covers, how many are wrong, and the first of them. All checks
read one snapshot, so traffic may go on meanwhile. PostgreSQL sorts and joins the rows, so the
memory of this process does not grow with the books.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from ledger.checks import batches, chains, entries, orders, residuals, rounds
from ledger.checks.check import BookCheck, WalletScope
from storage.pacing import pause_point
from storage.transactions import snapshot

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
    if not scope.is_partial:
        return CHECKS, []
    return WALLET_CHECKS, [check.name for check in CHECKS if check not in WALLET_CHECKS]


def verify(engine: Engine, *, scope: WalletScope | None = None) -> Iterator[CheckResult]:
    """Run the checks on one snapshot, yielding each result as its check ends.

    Raises:
        Unavailable: the database is out of reach.
    """
    checked_scope = scope or WalletScope()
    with snapshot(engine, "verify") as connection:
        for check in checks_for(checked_scope)[0]:
            pause_point()
            yield _run(connection, check, checked_scope)


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
