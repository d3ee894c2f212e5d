"""The breaks that an action is about: one by its id, or all of a group, counted first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from sqlalchemy import Engine

from breaks.lists.group_queries import grouped_breaks
from breaks.lists.groups import BreakGroup
from breaks.lists.queries import BreakFilter
from breaks.states import ActionRefused
from breaks.store import TrackedBreak
from ops.commands.completion import complete_break
from ops.commands.database import open_books
from ops.commands.with_options import with_options
from ops.settings.model import Settings
from reports.find.short_ids import ShortIdKind, complete_id, only_id
from vocabulary.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What an action is applied to.

    Attributes:
        break_id: one break, its id complete; None for a group.
        group: the id of a group, or its start; None for one break.
        dry_run: only count the breaks of the group.
        expect: act only if the group has exactly this many.
    """

    break_id: str | None
    group: str | None
    dry_run: bool
    expect: int | None


def read_targets(
    ctx: typer.Context,
    break_id: Annotated[
        str | None,
        typer.Argument(
            help="The break's id, brk-…, or its start.", autocompletion=complete_break
        ),
    ] = None,
    *,
    group: Annotated[
        str | None, typer.Option(help="Instead of a break: all of this group, grp-….")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --group: only count them.")
    ] = False,
    expect: Annotated[
        int | None, typer.Option(help="With --group: only if there are exactly this many.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --group: show the count, then do it.")
    ] = False,
) -> Targets:
    """Read which breaks an action is about.

    Raises:
        Malformed: neither a break nor a group, or both; a group whose count nobody confirms.
    """
    if (break_id is None) == (group is None):
        raise Malformed("BREAK", "a break's id, or a --group, is expected")
    if group is not None and not (dry_run or yes) and expect is None:
        raise Malformed("--group", "--dry-run, --expect COUNT or --yes is expected with it")
    if break_id is not None:
        break_id = complete_id(open_books(ctx), ShortIdKind.BREAK, break_id)
    return Targets(break_id=break_id, group=group, dry_run=dry_run, expect=expect)


def on_breaks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an argument for a break and options for a group, as ``targets``."""
    return with_options(command, targets=read_targets)


def on_break(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes one break its id, complete, as ``break_id``."""
    return with_options(command, break_id=_read_break)


def _read_break(
    ctx: typer.Context,
    break_id: Annotated[
        str,
        typer.Argument(
            help="The break's id, brk-…, or its start.", autocompletion=complete_break
        ),
    ],
) -> str:
    return complete_id(open_books(ctx), ShortIdKind.BREAK, break_id)


def groups_of(
    engine: Engine, settings: Settings, break_filter: BreakFilter
) -> list[BreakGroup[TrackedBreak]]:
    """The groups of the breaks that a filter matches."""
    zones = {entry.slug: entry.timezone for entry in settings.providers}
    return grouped_breaks(engine, break_filter, zones)


def group_named(engine: Engine, settings: Settings, start: str) -> BreakGroup[TrackedBreak]:
    """The group of unfinished breaks with this id, or the only one that begins so.

    Raises:
        ActionRefused: there is none.
        Malformed: several begin so.
    """
    groups = {group.group_id: group for group in groups_of(engine, settings, BreakFilter())}
    name = only_id(start, start, [id_ for id_ in groups if id_.startswith(start)])
    if name not in groups:
        raise ActionRefused(f"there is no group {start}: tieout breaks groups lists them")
    return groups[name]
