"""``tieout breaks assign|comment|attach|explain|close|reopen``: one action on one break."""

from collections.abc import Callable
from functools import partial
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
from ops.commands.breaks.output import print_breaks
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.options import AsJson, BreakId, By, Reason
from ops.context import context_of
from ops.settings.break_policy import limits_of
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import Right


def assign(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    to: Annotated[str, typer.Option(help="Who works on it from now on.")],
    by: By = None,
    reason: Reason = "assigned",
    as_json: AsJson = False,
) -> None:
    """Assign a break to a person."""
    _apply(ctx, break_id, partial(assigning, to=to, why=reason), by=by, as_json=as_json)


def comment(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    text: Annotated[str, typer.Option(help="The comment.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Comment on a break."""
    note = Note(kind="comment", body=text)
    _apply(ctx, break_id, partial(noting, note), by=by, as_json=as_json)


def attach(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    by: By = None,
    file: Annotated[
        Path | None, typer.Option(help="A file: its name, length and SHA-256 are kept.")
    ] = None,
    link: Annotated[str | None, typer.Option(help="The URL of a page.")] = None,
    text: Annotated[str | None, typer.Option(help="A statement in words.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add evidence to a break: a file's digest, a link or a text."""
    if sum(option is not None for option in (file, link, text)) != 1:
        raise Malformed("attach", "exactly one of --file, --link and --text is expected")
    if file is not None:
        note = Note(kind="file", body=file.name, content=_read(file))
    elif link is not None:
        note = Note(kind="link", body=link)
    else:
        note = Note(kind="text", body=text or "")
    _apply(ctx, break_id, partial(noting, note), by=by, as_json=as_json)


def explain(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Explain a break; the explanation holds until the difference changes."""
    _apply(ctx, break_id, partial(explaining, why=reason), by=by, as_json=as_json)


def close(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Close a break by hand and write its difference off, within your limit."""
    limits = limits_of(context_of(ctx).settings)
    action = partial(closing, why=reason, limits=limits)
    _apply(ctx, break_id, action, by=by, right=Right.WRITE_OFF, as_json=as_json)


def reopen(
    ctx: typer.Context,
    break_id: BreakId,
    *,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Reopen a break."""
    _apply(ctx, break_id, partial(reopening, why=reason), by=by, as_json=as_json)


def _apply(
    ctx: typer.Context,
    break_id: str,
    action_at: Callable[..., BreakAction],
    *,
    by: str | None,
    right: Right = Right.WORK_BREAKS,
    as_json: bool,
) -> None:
    engine, name = open_books_as(ctx, by, right)
    with refusals():
        action = action_at(by=name, now=SystemClock().now())
        break_ = apply(engine, break_id, action)
    print_breaks([break_], context_of(ctx).settings, as_json=as_json)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Malformed("--file", f"a readable file is expected: {error.strerror}") from error
