"""``tieout breaks assign|comment|attach|explain|wait|close|reopen``: act on breaks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from breaks.actions import (
    BreakAction,
    Note,
    apply,
    apply_to_ids,
    assigning,
    awaiting,
    closing,
    explaining,
    noting,
    reopening,
)
from breaks.states import ActionRefused
from ops.commands.breaks.output import print_breaks
from ops.commands.breaks.targets import Targets, group_named, on_breaks
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By, Reason
from ops.context import context_of
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import Right
from vocabulary.plurals import counted


@on_breaks
def assign(
    ctx: typer.Context,
    *,
    targets: Targets,
    to: Annotated[str, typer.Option(help="Who works on it from now on.")],
    by: By = None,
    reason: Reason = "assigned",
    as_json: AsJson = False,
) -> None:
    """Assign a break to a person."""
    _apply(ctx, targets, partial(assigning, to=to, why=reason), by=by, as_json=as_json)


@on_breaks
def comment(
    ctx: typer.Context,
    *,
    targets: Targets,
    text: Annotated[str, typer.Option(help="The comment.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Comment on a break."""
    note = Note(kind="comment", body=text)
    _apply(ctx, targets, partial(noting, note), by=by, as_json=as_json)


@on_breaks
def attach(
    ctx: typer.Context,
    *,
    targets: Targets,
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
    _apply(ctx, targets, partial(noting, note), by=by, as_json=as_json)


@on_breaks
def explain(
    ctx: typer.Context,
    *,
    targets: Targets,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Explain a break; the explanation holds until the difference changes."""
    _apply(ctx, targets, partial(explaining, why=reason), by=by, as_json=as_json)


@on_breaks
def wait(
    ctx: typer.Context,
    *,
    targets: Targets,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Leave a break until the provider answers; its due date stays."""
    _apply(ctx, targets, partial(awaiting, why=reason), by=by, as_json=as_json)


@on_breaks
def close(
    ctx: typer.Context,
    *,
    targets: Targets,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Close a break by hand that carries no money; else correct, write off or explain it."""
    exponents = partial(exponents_of, context_of(ctx).settings)
    action = partial(closing, why=reason, exponents=exponents)
    _apply(ctx, targets, action, by=by, as_json=as_json)


@on_breaks
def reopen(
    ctx: typer.Context,
    *,
    targets: Targets,
    by: By = None,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Reopen a break."""
    _apply(ctx, targets, partial(reopening, why=reason), by=by, as_json=as_json)


def _apply(
    ctx: typer.Context,
    targets: Targets,
    action_at: Callable[..., BreakAction],
    *,
    by: str | None,
    as_json: bool,
) -> None:
    engine, name = open_books_as(ctx, by, Right.WORK_BREAKS)
    settings = context_of(ctx).settings
    with refusals():
        action = action_at(by=name, now=SystemClock().now())
        if targets.break_id is not None:
            breaks = [apply(engine, targets.break_id, action)]
        else:
            ids = _ids_of_group(engine, settings, targets, as_json=as_json)
            breaks = apply_to_ids(engine, ids, action)
    print_breaks(breaks, settings, as_json=as_json)


def _ids_of_group(
    engine: Engine, settings: Settings, targets: Targets, *, as_json: bool
) -> list[str]:
    """Show the count and cause of the group, and return its breaks; end here for a dry run."""
    group = group_named(engine, settings, targets.group or "")
    count = len(group.breaks)
    if targets.dry_run and as_json:
        print_json({"breaks": count})
    else:
        typer.echo(f"{group.group_id}: {counted(count, 'break')}. {group.sentence}", err=True)
    if targets.dry_run:
        raise typer.Exit
    if targets.expect not in {None, count}:
        raise ActionRefused(f"the group has {counted(count, 'break')}, not {targets.expect}")
    return [break_.break_id for break_ in group.breaks]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Malformed("--file", f"a readable file is expected: {error.strerror}") from error
