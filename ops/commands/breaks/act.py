"""``tieout breaks assign|comment|attach|explain|close|reopen``: one break, one step."""

from pathlib import Path
from typing import Annotated

import typer

from breaks.actions import (
    BreakAction,
    Note,
    apply,
    assigning,
    closing,
    explaining,
    noting,
    reopening,
)
from ops.commands.breaks.desk import breaks_of
from ops.commands.breaks.output import show_lives
from ops.commands.options import AsJson, BreakId, By, Reason
from ops.context import current
from ops.settings.break_terms import limits_of
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed


def register(app: typer.Typer) -> None:
    """Add these commands to the group."""
    for command in (assign, comment, attach, explain, close, reopen):
        app.command()(command)


def assign(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    to: Annotated[str, typer.Option(help="Who deals with it from now on.")],
    by: By,
    reason: Reason = "assigned",
    as_json: AsJson = False,
) -> None:
    """Give a break to somebody."""
    with breaks_of(ctx) as engine:
        act = assigning(to=to, by=by, why=reason, now=SystemClock().now())
        done = apply(engine, break_id, act)
    show_lives([done], current(ctx).settings, as_json=as_json)


def comment(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    text: Annotated[str, typer.Option(help="What to say.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Say something about a break."""
    _note(ctx, break_id, Note(kind="comment", body=text), by=by, as_json=as_json)


def attach(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    by: By,
    file: Annotated[
        Path | None, typer.Option(help="A file: its name, length and SHA-256 are kept.")
    ] = None,
    link: Annotated[str | None, typer.Option(help="Where something is to be seen.")] = None,
    text: Annotated[str | None, typer.Option(help="Something said or written.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add evidence to a break: a file's digest, a link, or a text."""
    if sum(each is not None for each in (file, link, text)) != 1:
        raise Malformed("attach", "exactly one of --file, --link and --text is expected")
    if file is not None:
        note = Note(kind="file", body=file.name, content=_bytes_of(file))
    elif link is not None:
        note = Note(kind="link", body=link)
    else:
        note = Note(kind="text", body=text or "")
    _note(ctx, break_id, note, by=by, as_json=as_json)


def explain(
    ctx: typer.Context, break_id: BreakId, *, by: By, reason: Reason, as_json: AsJson = False
) -> None:
    """Say why the books differ; holds for as long as the difference is the same."""
    with breaks_of(ctx) as engine:
        act = explaining(by=by, why=reason, now=SystemClock().now())
        done = apply(engine, break_id, act)
    show_lives([done], current(ctx).settings, as_json=as_json)


def close(
    ctx: typer.Context, break_id: BreakId, *, by: By, reason: Reason, as_json: AsJson = False
) -> None:
    """Close a break by hand: its difference is written off, within your limit."""
    limits = limits_of(current(ctx).settings)
    with breaks_of(ctx) as engine:
        act = closing(by=by, why=reason, now=SystemClock().now(), limits=limits)
        done = apply(engine, break_id, act)
    show_lives([done], current(ctx).settings, as_json=as_json)


def reopen(
    ctx: typer.Context, break_id: BreakId, *, by: By, reason: Reason, as_json: AsJson = False
) -> None:
    """Take a break up again."""
    with breaks_of(ctx) as engine:
        done = apply(engine, break_id, reopening(by=by, why=reason, now=SystemClock().now()))
    show_lives([done], current(ctx).settings, as_json=as_json)


def _note(ctx: typer.Context, break_id: str, note: Note, *, by: str, as_json: bool) -> None:
    with breaks_of(ctx) as engine:
        done = apply(engine, break_id, _noting(note, by=by))
    show_lives([done], current(ctx).settings, as_json=as_json)


def _noting(note: Note, *, by: str) -> BreakAction:
    return noting(note, by=by, now=SystemClock().now())


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Malformed("--file", f"a readable file is expected: {error.strerror}") from error
