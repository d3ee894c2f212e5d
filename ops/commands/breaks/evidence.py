"""``tieout breaks evidence``: what the provider says about a bet, when it is asked."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from breaks.provider_inquiries import captured_page, request_inquiry
from breaks.queries import BreakHistory, break_history
from breaks.states import ActionRefused
from ops.commands.breaks.desk import breaks_of
from ops.commands.breaks.output import note_json
from ops.commands.json_output import print_json
from ops.commands.ledger.output import instant
from ops.commands.options import AsJson, BreakId
from ops.context import current, endpoints
from ops.providers.inquiries import askable
from vocabulary.clock import SystemClock


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(evidence)


def evidence(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    by: Annotated[str, typer.Option("--by", help="Who asks; kept for ever.")] = "tieout",
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask again, whatever was answered.")
    ] = False,
    pages: Annotated[
        Path | None, typer.Option(help="A folder to write captured pages into.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What is attached to a break; a worker asks the provider where it has not answered."""
    with breaks_of(ctx) as engine:
        told = break_history(engine, break_id)
        asked = refresh or told.break_.answer is None
        if asked:
            _ask(ctx, engine, told, by=by, refresh=refresh)
        if pages is not None:
            _write_pages(engine, told, pages)
    attached = [note for note in told.notes if note.kind != "comment"]
    if as_json:
        document = {
            "id": break_id,
            "answer": told.break_.answer,
            "asked": asked,
            "evidence": [note_json(note) for note in attached],
        }
        print_json(document, indent=2)
        return
    typer.echo(f"{told.break_.answer or 'no answer yet'}{', asked now' if asked else ''}")
    for note in attached:
        typer.echo(f"{instant(note.at)} {note.kind}: {note.body}")


def _ask(
    ctx: typer.Context, engine: Engine, told: BreakHistory, *, by: str, refresh: bool
) -> None:
    from ops.scheduling.inquiries import enqueue_fetch  # noqa: PLC0415 - heavy
    from storage.broker.redis import open_broker  # noqa: PLC0415

    context, provider = current(ctx), told.break_.provider
    if provider not in askable(context.settings):
        raise ActionRefused(
            f"{provider} has no call about one bet, or its API is not configured"
        )
    request_inquiry(
        engine, told.break_.break_id, by=by, now=SystemClock().now(), refresh=refresh
    )
    broker = open_broker(endpoints(context).broker_url, [])
    if not enqueue_fetch(broker):
        typer.echo("the broker is out of reach: the scheduler will ask for it", err=True)
    broker.close()


def _write_pages(engine: Engine, told: BreakHistory, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for note in told.notes:
        content = captured_page(engine, note.digest) if note.digest else None
        if content is not None:
            (folder / f"{note.digest}.page").write_bytes(content)
