"""Prove the books, by sums and by order. Each check is one query that finds what is wrong.

A check names its figure (how much it looked at) and its findings (how many rows are wrong, and
the first of them). All checks read one snapshot, so traffic may go on meanwhile. Rows stay in
PostgreSQL, which sorts and joins within its bounds: our memory does not grow with the books.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ledger.checks import batches, chains, entries, residuals, rounds
from ledger.checks.check import BookCheck, WalletScope
from vocabulary.errors import Unavailable

#: Every check, in the order they are run.
CHECKS: tuple[BookCheck, ...] = (
    *entries.CHECKS,
    *chains.CHECKS,
    *rounds.CHECKS,
    *residuals.CHECKS,
    *batches.CHECKS,
)
#: How many rows that are wrong each check names.
NAMED_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found; it holds when ``wrong`` is 0.

    Attributes:
        named: the first rows that are wrong, in the order of their names.
    """

    name: str
    promise: str
    checked: int
    wrong: int
    named: tuple[str, ...]

    @property
    def first(self) -> str | None:
        """The first row that is wrong."""
        return self.named[0] if self.named else None


def checks_for(scope: WalletScope) -> tuple[tuple[BookCheck, ...], list[str]]:
    """The checks that can be asked of the scope, and the names of those that cannot."""
    if not scope.is_partial:
        return CHECKS, []
    asked = tuple(check for check in CHECKS if check.by_wallet)
    return asked, [check.name for check in CHECKS if not check.by_wallet]


def verify(engine: Engine, *, scope: WalletScope | None = None) -> Iterator[CheckResult]:
    """Run the checks on one snapshot, yielding each as it ends.

    Raises:
        Unavailable: the database is out of reach.
    """
    asked = scope or WalletScope()
    try:
        with engine.connect() as connection:
            connection.execute(
                text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            )
            for check in checks_for(asked)[0]:
                yield _found(connection, check, asked)
    except OperationalError as error:
        raise Unavailable("verify: the database is out of reach") from error


def _found(connection: Connection, check: BookCheck, scope: WalletScope) -> CheckResult:
    checked = connection.execute(
        text(scope.render(check.figure)), scope.parameters
    ).scalar_one()
    counted = f"""
WITH w (broken) AS MATERIALIZED ({scope.render(check.wrong)})
SELECT (SELECT count(*) FROM w), ARRAY(SELECT broken FROM w ORDER BY broken LIMIT {NAMED_MAX})
"""  # noqa: S608 - constants of our own checks
    wrong, named = connection.execute(text(counted), scope.parameters).one()
    return CheckResult(
        name=check.name, promise=check.promise, checked=checked, wrong=wrong, named=tuple(named)
    )
