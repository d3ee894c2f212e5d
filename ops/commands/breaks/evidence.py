"""``tieout breaks evidence``: what a provider answers about the bet of a break."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from breaks.lists.queries import BreakHistory, break_history
from breaks.provider_inquiries import captured_page, request_inquiry
from breaks.states import ActionRefused
from ops.commands.breaks.output import note_json
from ops.commands.breaks.targets import on_break
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By
from ops.commands.tables import instant
from ops.context import context_of, endpoints
from ops.providers.inquiries import askable
from ops.scheduling.inquiries import enqueue_fetch
from storage.broker.redis import open_broker
from vocabulary.clock import SystemClock
from vocabulary.people import Right


@on_break
def evidence(
    ctx: typer.Context,
    *,
    break_id: str,
    by: By = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask again even if it has been answered.")
    ] = False,
    pages: Annotated[
        Path | None, typer.Option(help="A folder to write captured pages into.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List a break's evidence; a worker asks a provider that has not answered yet."""
    engine = open_books(ctx)
    with refusals():
        history = break_history(engine, break_id)
        asks = refresh or history.break_.answer is None
        if asks:
            _ask(ctx, engine, history, by=by, refresh=refresh)
        if pages is not None:
            _write_pages(engine, history, pages)
    _print(history, asks=asks, as_json=as_json)


def _print(history: BreakHistory, *, asks: bool, as_json: bool) -> None:
    answer = history.break_.answer
    notes = [note for note in history.notes if note.kind != "comment"]
    if as_json:
        document = {
            "id": history.break_.break_id,
            "answer": answer,
            "asked": asks,
            "evidence": [note_json(note) for note in notes],
        }
        print_json(document, indent=2)
        return
    typer.echo(f"{answer or 'no answer yet'}{', asked now' if asks else ''}")
    for note in notes:
        typer.echo(f"{instant(note.at)} {note.kind}: {note.body}")


def _ask(
    ctx: typer.Context, engine: Engine, history: BreakHistory, *, by: str | None, refresh: bool
) -> None:
    context, provider = context_of(ctx), history.break_.provider
    if provider not in askable(context.settings):
        raise ActionRefused(
            f"{provider} has no call about one bet, or its API is not configured"
        )
    name = "tieout"  # nobody is named: the system asks, as it does after a run
    if by is not None:
        engine, name = open_books_as(ctx, by, Right.ASK_PROVIDERS)
    now = SystemClock().now()
    request_inquiry(engine, history.break_.break_id, by=name, now=now, refresh=refresh)
    broker = open_broker(endpoints(context).broker_url, [])
    if not enqueue_fetch(broker):
        typer.echo("the broker is out of reach: the scheduler asks later", err=True)
    broker.close()


def _write_pages(engine: Engine, history: BreakHistory, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for note in history.notes:
        content = captured_page(engine, note.digest) if note.digest else None
        if content is not None:
            (folder / f"{note.digest}.page").write_bytes(content)
