"""The plan of a migration, on a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import typer

from ops.commands.tables import table
from storage.migration_plan import BYTES_PER_S, PlannedRevision, plan_migration
from storage.schema_version import current_revision, newest_revision, refuse_unreleased
from storage.transactions import engine_at, reading
from storage.unknown_currencies import unknown_currencies
from vocabulary.currencies import Exponents, advised_line


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPlan:
    """What lies between a database and this version; the names are JSON keys.

    Attributes:
        unknown_currencies: those in the books whose digits nobody names; while there are any,
            nothing is migrated.
    """

    database: str | None
    code: str
    revisions: Sequence[PlannedRevision]
    unknown_currencies: Sequence[str]


def read_plan(url: str, exponents: Exponents) -> MigrationPlan:
    """The pending revisions of a database, and what would be refused.

    Args:
        url: the database.
        exponents: of currencies outside ISO 4217, as the settings name them.

    Raises:
        UnreleasedSchema: a version from before the first release made it.
    """
    current = current_revision(url)
    if current is not None:
        refuse_unreleased(current)
    with engine_at(url) as engine, reading(engine, "migrate") as connection:
        revisions = plan_migration(connection, current)
        unknown = unknown_currencies(connection, exponents)
    return MigrationPlan(
        database=current,
        code=newest_revision(),
        revisions=revisions,
        unknown_currencies=unknown,
    )


def digits_wanted(unknown: Sequence[str]) -> str:
    """Why books with currencies whose digits nobody names are not migrated."""
    return (
        f"the books hold {', '.join(unknown)}, which ISO 4217 does not know: name the digits"
        " after the point in the settings of a provider. Version 0.1 counted in these, and"
        f" others would change every amount in the books: {advised_line(unknown)}"
    )


def print_plan(plan: MigrationPlan) -> None:
    """Print a line for each revision, and one for each lock on a table that is there."""
    if plan.unknown_currencies:
        typer.echo(f"tieout migrate refuses: {digits_wanted(plan.unknown_currencies)}")
    if not plan.revisions:
        typer.echo(f"nothing to do: the database has schema {plan.database}")
        return
    schema = "no schema" if plan.database is None else f"schema {plan.database}"
    typer.echo(f"the database has {schema}, this version has {plan.code}")
    table(
        ["revision", "table", "lock", "size", "rows", "at most", "online"],
        (row for revision in plan.revisions for row in _rows(revision)),
    )
    _print_outlook(plan)


def _print_outlook(plan: MigrationPlan) -> None:
    waits = [revision.revision for revision in plan.revisions if revision.online is False]
    unknown = [revision.revision for revision in plan.revisions if revision.online is None]
    if waits:
        typer.echo(
            f"callbacks wait, and are told to come back after receiver.commit_timeout, in:"
            f" {', '.join(waits)}. Choose a quiet hour."
        )
    if unknown:
        typer.echo(f"cannot be foreseen: {', '.join(unknown)}; read docs/upgrade.md")
    if not waits and not unknown:
        typer.echo("all of it is done while everything runs")


def _rows(revision: PlannedRevision) -> Iterator[list[str]]:
    online = {True: "yes", False: "no", None: "unknown"}[revision.online]
    yield [
        f"{revision.revision} {revision.title}",
        *("", "", "", ""),
        f"{revision.expected_s:g} s",
        online,
    ]
    for lock in revision.locks:
        takes = f"{lock.bytes / BYTES_PER_S:.1f} s" if lock.reads_all else ""
        size, rows = f"{lock.bytes / 1_000_000:.1f} MB", str(lock.rows)
        yield [f"  {lock.statement}", lock.table, lock.lock, size, rows, takes, ""]
