"""``tieout dispute open``: put breaks before their provider."""

from collections.abc import Mapping
from typing import Annotated

import typer

from breaks.disputes.opening import OpenedDispute, left_out_of, open_dispute
from breaks.states import ActionRefused
from ops.commands.database import refusals
from ops.commands.dispute.output import dispute_json, dispute_lines
from ops.commands.dispute.selection import DisputeSelection, on_selection
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next
from ops.commands.options import AsJson, By
from ops.context import context_of
from ops.settings.model import Settings
from vocabulary.clock import SystemClock, iso
from vocabulary.people import Right
from vocabulary.plurals import counted


@on_selection
def open_(
    ctx: typer.Context,
    *,
    selection: DisputeSelection,
    note: Annotated[str, typer.Option(help="To the provider; printed in the pack.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count the breaks of the selection.")
    ] = False,
    expect: Annotated[
        int | None, typer.Option(help="Only if the selection has exactly this many.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Open a dispute: its breaks wait for the provider from now on."""
    engine, name = open_books_as(ctx, by, Right.DISPUTE)
    settings = context_of(ctx).settings
    with refusals():
        ids = selection.ids(engine, settings)
        if expect is not None and len(ids) != expect:
            raise ActionRefused(f"the selection has {counted(len(ids), 'break')}, not {expect}")
        if dry_run:
            _print_count(len(ids), left_out_of(engine, ids), as_json=as_json)
            return
        opened = open_dispute(
            engine,
            ids,
            by=name,
            now=SystemClock().now(),
            note=note,
            exponents={entry.slug: entry.exponents for entry in settings.providers},
            named=selection.is_named,
        )
    _print(opened, settings, as_json=as_json)


def _print_count(count: int, left_out: Mapping[str, int], *, as_json: bool) -> None:
    disputable = count - sum(left_out.values())
    if as_json:
        print_json({"breaks": count, "disputable": disputable, "left_out": left_out})
        return
    typer.echo(f"{counted(count, 'break')}, {disputable} to dispute; nothing was changed")
    _print_left_out(left_out)


def _print_left_out(left_out: Mapping[str, int]) -> None:
    for reason, count in left_out.items():
        typer.echo(f"left out, because it {reason}: {counted(count, 'break')}")


def _print(opened: OpenedDispute, settings: Settings, *, as_json: bool) -> None:
    dispute, now = opened.dispute, SystemClock().now()
    if as_json:
        document = dispute_json(dispute, settings, now)
        print_json({**document, "left_out": opened.left_out}, indent=2, instant=iso)
        return
    for line in dispute_lines(dispute, settings, now):
        typer.echo(line)
    _print_left_out(opened.left_out)
    print_next(f"tieout dispute export {dispute.dispute_id}")
