"""``tieout archive recall``: bring rows back that are in an archive only."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from feeds.archived.record_recall import recall_history
from ledger.archive.demands import demand_as
from ledger.archive.recall import recall
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.options import By, Provider
from storage.audit import record
from storage.transactions import transaction
from vocabulary.errors import Malformed
from vocabulary.ids import RowKind
from vocabulary.people import Right
from vocabulary.plurals import counted


def recall_(
    ctx: typer.Context,
    *,
    provider: Provider,
    operation: Annotated[
        str | None, typer.Option("--operation", help="The provider's key of an operation.")
    ] = None,
    round_: Annotated[
        str | None, typer.Option("--round", help="The provider's id of a round.")
    ] = None,
    records: Annotated[
        bool, typer.Option("--records", help="With --round: the provider's records of it.")
    ] = False,
    by: By = None,
) -> None:
    """Bring an operation or a round back whose rows left for an archive, with its whole round.

    It stays until the rows of a later month leave. With --records, the provider's records of
    the round come back instead.
    """
    if records and round_ is None:
        raise Malformed("recall", "--records needs --round")
    if (operation is None) == (round_ is None):
        raise Malformed("recall", "either --operation or --round is expected")
    engine, person = open_books_as(ctx, by, Right.ARCHIVE)
    kind = RowKind.ROUND if operation is None else RowKind.OPERATION
    name = operation or round_ or ""
    if records:
        _recall_records(engine, provider, name, by=person)
        return
    with refusals():
        with transaction(engine, "recall") as connection:
            number = demand_as(connection, kind, provider, name, person)
        came = recall(engine, number)
    if not came.operations:
        typer.echo(f"no archive has the {kind} {name} of {provider}: it never existed")
    else:
        typer.echo(f"{counted(came.operations, 'operation')} came back")


def _recall_records(engine: Engine, provider: str, round_id: str, *, by: str) -> None:
    with refusals():
        count = recall_history(engine, provider, round_id)
        with transaction(engine, "recall") as connection:
            detail = {"kind": "history", "provider": provider, "records": count}
            record(connection, by, "archive.recalled", round_id, detail)
    typer.echo(f"{counted(count, 'record')} of the round {round_id} of {provider} came back")
