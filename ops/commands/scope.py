"""Which providers, and which day or window of each: the options that commands share.

A day is a business day in the provider's zone, so one word may mean several windows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import typer

from ops.commands.option_values import read_business_day, window_of
from ops.commands.options import (
    DayArgument,
    DayOption,
    End,
    EveryProvider,
    Providers,
    Start,
)
from ops.commands.progress import progress_of_steps
from ops.commands.provider_choice import entry_named
from ops.commands.with_options import with_options
from ops.context import context_of
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.window import Window, day_window

if TYPE_CHECKING:
    from ops.settings.model import ProviderSettings, Settings

T = TypeVar("T")
_NEEDS_PROVIDER = "--provider SLUG or --all"
_NEEDS_DAY = "a day such as yesterday, or --day DAY"
_NEEDS_WINDOW = "--day DAY, or --from and --to"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDay:
    """A business day of a provider."""

    entry: "ProviderSettings"
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenWindow:
    """A window of a provider.

    Attributes:
        day: the business day it is, if it was given as one.
    """

    entry: "ProviderSettings"
    window: Window
    day: date | None = None


def read_days(
    ctx: typer.Context,
    day: DayArgument = None,
    *,
    provider: Providers = None,
    every: EveryProvider = False,
    day_option: DayOption = None,
) -> list[ChosenDay]:
    """Read a day of some providers or of all; nothing may be left out.

    Raises:
        Malformed: what is no day, or given twice; all that is missing is named together.
    """
    if day is not None and day_option is not None:
        raise Malformed("--day", "the day is given twice")
    word = day if day is not None else day_option
    _require(
        [
            _NEEDS_PROVIDER if not (provider or every) else "",
            _NEEDS_DAY if word is None else "",
        ]
    )
    settings, now = context_of(ctx).settings, SystemClock().now()
    entries = entries_of(settings, provider, every=every)
    return [
        ChosenDay(entry=entry, day=read_business_day(word or "", entry.timezone, now))
        for entry in entries
    ]


def read_windows(
    ctx: typer.Context,
    *,
    provider: Providers = None,
    every: EveryProvider = False,
    day: DayOption = None,
    start: Start = None,
    end: End = None,
) -> list[ChosenWindow]:
    """Read a window of some providers or of all; nothing may be left out.

    Raises:
        Malformed: what is no day, or given twice; all that is missing is named together.
        typer.BadParameter: no such provider, or an invalid window.
    """
    needs = _NEEDS_PROVIDER if not (provider or every) else ""
    _require([needs, *_missing_edges(day, start, end)])
    entries = entries_of(context_of(ctx).settings, provider, every=every)
    return [one for entry in entries if (one := window_for(entry, day, start, end)) is not None]


def read_windows_if_any(
    ctx: typer.Context,
    *,
    provider: Providers = None,
    every: EveryProvider = False,
    day: DayOption = None,
    start: Start = None,
    end: End = None,
) -> "list[tuple[ProviderSettings, Window | None]]":
    """``read_windows``, but a window may be left out.

    Raises:
        Malformed, typer.BadParameter: as ``read_windows``.
    """
    _require([_NEEDS_PROVIDER if not (provider or every) else ""])
    if day is None and (start is None) != (end is None):
        raise Malformed("--from", "--from and --to come together")
    entries = entries_of(context_of(ctx).settings, provider, every=every)
    windows = [window_for(entry, day, start, end) for entry in entries]
    return [
        (entry, None if one is None else one.window)
        for entry, one in zip(entries, windows, strict=True)
    ]


def on_days(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command options for a day of some providers, as ``days``."""
    return with_options(command, days=read_days)


def on_windows(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command options for a window of some providers, as ``windows``."""
    return with_options(command, windows=read_windows)


def act_on_each(
    days: Sequence[ChosenDay], act: Callable[[ChosenDay], T]
) -> tuple[list[T], bool]:
    """Act on each day with a progress bar; returns the results, and whether one was refused.

    A day whose refusal was printed keeps no other waiting.
    """
    results, refused = [], False
    with progress_of_steps(len(days)) as begin:
        for chosen in days:
            begin(f"{chosen.entry.slug} {chosen.day}")
            try:
                results.append(act(chosen))
            except typer.Exit:
                refused = True
    return results, refused


def one_or_all(ctx: typer.Context, documents: Sequence[object]) -> object:
    """What ``--json`` prints: one provider's document, or a list for several and for --all."""
    if len(documents) == 1 and not ctx.params.get("every"):
        return documents[0]
    return documents


def entries_of(
    settings: "Settings", slugs: Sequence[str] | None, *, every: bool
) -> "list[ProviderSettings]":
    """The providers of these slugs, or every configured one.

    Raises:
        Malformed: both are given, or no provider is configured.
        typer.BadParameter: no provider has that slug.
    """
    if slugs and every:
        raise Malformed("--all", "either --provider or --all is expected")
    if not settings.providers and every:
        raise Malformed("--all", "no provider is configured: add [[providers]] to the settings")
    return [entry_named(settings, slug) for slug in dict.fromkeys(slugs or ())] or list(
        settings.providers
    )


def day_of_all(word: str, entries: "Sequence[ProviderSettings]") -> date:
    """The date that a word means for all providers.

    Raises:
        Malformed: it is no day, or the providers' zones disagree about it.
    """
    now = SystemClock().now()
    zones = {entry.timezone for entry in entries} or {"UTC"}
    days = sorted({read_business_day(word, zone, now) for zone in zones})
    if len(days) > 1:
        raise Malformed(
            "--day", f"{word} is {days[0]} or {days[-1]}, by zone: a date is expected"
        )
    return days[0]


def window_for(
    entry: "ProviderSettings", day: str | None, start: str | None, end: str | None
) -> ChosenWindow | None:
    """The window of a provider that a day, or two edges, name; None: none is named.

    Raises:
        Malformed: a day and edges are given, the day is none, or the window has not begun.
        typer.BadParameter: an invalid window.
    """
    now = SystemClock().now()
    if day is not None:
        if start is not None or end is not None:
            raise Malformed("--day", "either --day, or --from and --to, is expected")
        chosen = window_of_day(entry, read_business_day(day, entry.timezone, now))
    elif start is None or end is None:
        return None
    else:
        window = window_of(start, end, zone=entry.timezone, now=now)
        chosen = ChosenWindow(entry=entry, window=window)
    if chosen.window.start > now:
        option = "--from" if day is None else "--day"
        raise Malformed(option, f"{day or start} has not begun in {entry.timezone}")
    return chosen


def window_of_day(entry: "ProviderSettings", day: date) -> ChosenWindow:
    """The window of a provider's business day."""
    return ChosenWindow(entry=entry, window=day_window(day, ZoneInfo(entry.timezone)), day=day)


def _missing_edges(day: str | None, start: str | None, end: str | None) -> Iterator[str]:
    if day is None and start is None and end is None:
        yield _NEEDS_WINDOW
    elif day is None and start is None:
        yield "--from"
    elif day is None and end is None:
        yield "--to"


def _require(missing: list[str]) -> None:
    """Raise Malformed with all that is missing; empty texts are not."""
    names = [name for name in missing if name]
    if names:
        raise Malformed("missing", "; ".join(names))
