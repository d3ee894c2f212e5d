"""Which breaks a dispute is opened with: single ones, a group, a round, or a provider's day."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from sqlalchemy import Engine

from breaks.lists.queries import BreakFilter, list_breaks
from ops.commands.breaks.targets import group_named
from ops.commands.database import open_books
from ops.commands.option_values import day_windows
from ops.commands.options import DayOption
from ops.commands.provider_choice import entry_named
from ops.commands.with_options import with_options
from ops.context import context_of
from ops.settings.model import Settings
from reports.find.short_ids import ShortIdKind, complete_id
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeSelection:
    """Breaks by their ids, or what finds them.

    Attributes:
        break_ids: complete.
        group: the id of a group, or its start.
        break_filter: of a round, or of a provider's day.
    """

    break_ids: tuple[str, ...] = ()
    group: str | None = None
    break_filter: BreakFilter | None = None

    @property
    def is_named(self) -> bool:
        """Whether each break was asked for by its id."""
        return bool(self.break_ids)

    def ids(self, engine: Engine, settings: Settings) -> list[str]:
        """The ids of the breaks.

        Raises:
            ActionRefused: there is no such group.
        """
        if self.group is not None:
            group = group_named(engine, settings, self.group)
            return [break_.break_id for break_ in group.breaks]
        if self.break_filter is not None:
            return [break_.break_id for break_ in list_breaks(engine, self.break_filter)]
        return list(self.break_ids)


def read_selection(
    ctx: typer.Context,
    *,
    break_: Annotated[
        list[str] | None,
        typer.Option("--break", help="A break's id, or its start; may be repeated."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="All of this group that can be disputed, grp-….")
    ] = None,
    round_id: Annotated[
        str | None, typer.Option("--round", help="All of this round, by our id or theirs.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="With --day, or for --round: the provider's slug.")
    ] = None,
    day: DayOption = None,
) -> DisputeSelection:
    """Read which breaks a dispute is opened with.

    Raises:
        Malformed: none of --break, --group, --round and --day is given, or several are.
        typer.BadParameter: there is no such provider.
    """
    chosen = [option for option in (break_, group, round_id, day) if option]
    if len(chosen) != 1:
        raise Malformed("breaks", "exactly one of --break, --group, --round, --day is expected")
    settings = context_of(ctx).settings
    if provider is not None:
        entry_named(settings, provider)
    if break_:
        engine = open_books(ctx)
        ids = tuple(complete_id(engine, ShortIdKind.BREAK, start) for start in break_)
        return DisputeSelection(break_ids=ids)
    if group:
        return DisputeSelection(group=group)
    if round_id:
        return DisputeSelection(break_filter=BreakFilter(provider=provider, round_id=round_id))
    if provider is None:
        raise Malformed("--day", "the --provider whose day it is, is expected with it")
    return DisputeSelection(break_filter=_day_filter(settings, provider, day or ""))


def on_selection(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that select breaks, as ``selection``."""
    return with_options(command, selection=read_selection)


def _day_filter(settings: Settings, provider: str, day: str) -> BreakFilter:
    zones = {provider: entry_named(settings, provider).timezone}
    windows = day_windows(day, zones, SystemClock().now())
    return BreakFilter(provider=provider, windows=windows)
