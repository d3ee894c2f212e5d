"""``tieout reconcile verify``: repeat a stored run from its inputs."""

from typing import Annotated

import typer
from rich.table import Table

from ops.commands.completion import complete_run
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson
from ops.commands.tables import print_table
from ops.context import context_of, database_url
from ops.providers.configured import configured
from ops.providers.reconcile_inputs import reader_of
from reconcile.runs.verify import Verification, verify_run
from reports.find.short_ids import ShortIdKind, complete_id
from vocabulary.errors import Refused


def verify(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Argument(help="The run's id, run-…, or its start.", autocompletion=complete_run),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Repeat a stored run from its inputs; exit 1 if the result or an input has changed."""
    context = context_of(ctx)
    providers = configured(context.settings)
    url = database_url(context)
    run = complete_id(open_books(ctx), ShortIdKind.RUN, run)
    try:
        readers = {slug: reader_of(provider) for slug, provider in providers.items()}
        verification = verify_run(url, run, readers=readers)
    except Refused as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        print_json(verification.to_json(), indent=2)
    else:
        _print(verification)
    raise typer.Exit(0 if verification.verified else 1)


def _print(verification: Verification) -> None:
    table = Table("what", "then", "now", "")
    for check in verification.checks:
        table.add_row(check.name, check.then, check.now, "same" if check.same else "DIFFERENT")
    print_table(table)
    for problem in verification.problems:
        typer.echo(problem)
    for side in verification.changed:
        for row in side.named:
            of_round = f" of round {row['round']}" if row["round"] else ""
            typer.echo(f"{side.side}: {row['name']}{of_round} at {row['at']}")
    verdict = "verified" if verification.verified else "NOT VERIFIED"
    typer.echo(f"run {verification.run_id}: {verdict}")
