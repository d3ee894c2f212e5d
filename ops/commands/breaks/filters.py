"""The filter options that several ``tieout breaks`` commands share."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from breaks.kinds import BreakKind, Impact
from breaks.lists.queries import BreakFilter
from breaks.states import BreakState
from ops.commands.completion import complete_run
from ops.commands.database import open_books
from ops.commands.option_values import day_windows, read_duration
from ops.commands.options import CurrencyFilter, DayOption, ProviderFilter
from ops.commands.provider_choice import check_provider
from ops.commands.with_options import with_options
from ops.context import context_of
from reports.find.short_ids import ShortIdKind, complete_id
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.money import Money


def read_filter(
    *,
    provider: ProviderFilter = None,
    kind: Annotated[BreakKind | None, typer.Option(help="Only of this kind.")] = None,
    impact: Annotated[Impact | None, typer.Option(help="Only of this impact.")] = None,
    state: Annotated[
        str | None,
        typer.Option(help="Only in these states, such as open,waiting; else all but closed."),
    ] = None,
    assignee: Annotated[str | None, typer.Option(help="Only assigned to this name.")] = None,
    currency: CurrencyFilter = None,
    min_amount: Annotated[
        str | None, typer.Option(help="With --currency: at least this difference.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(help="Opened longer ago than this, such as 24h.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(help="Last found by this run.", autocompletion=complete_run),
    ] = None,
    round_id: Annotated[
        str | None, typer.Option("--round", help="Only of this round, by our id or theirs.")
    ] = None,
    player: Annotated[str | None, typer.Option(help="Only of this player.")] = None,
    day: DayOption = None,  # noqa: ARG001 - see read_context_filter
    game: Annotated[str | None, typer.Option(help="Only of this game, by the history.")] = None,
) -> BreakFilter:
    """Read the options into a filter.

    ``day`` needs the providers' zones, ``min_amount`` their digits: both are left out.

    Raises:
        Malformed: an amount without its currency, an invalid duration, or a state that there
            is not.
    """
    if min_amount is not None and currency is None:
        raise Malformed("--min-amount", "a --currency is expected with it")
    before = None
    if older_than is not None:
        before = SystemClock().now() - read_duration(older_than, "--older-than")
    return BreakFilter(
        provider=provider,
        kind=kind,
        impact=impact,
        states=_read_states(state),
        assignee=assignee,
        currency=currency,
        opened_before=before,
        run_id=run,
        round_id=round_id,
        player=player,
        game=game,
    )


def _read_states(names: str | None) -> tuple[BreakState, ...]:
    states = []
    for name in (names or "").split(","):
        if name.strip():
            try:
                states.append(BreakState(name.strip()))
            except ValueError as error:
                state_names = ", ".join(BreakState)
                raise Malformed("--state", f"states of {state_names} are expected") from error
    return tuple(states)


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the filter; it takes them as ``break_filter``."""
    return with_options(command, break_filter=read_context_filter)


def read_context_filter(ctx: typer.Context, **options: Any) -> BreakFilter:
    """Read the filter, complete the id of its run, and read its day in the providers' zones."""
    break_filter, settings = read_filter(**options), context_of(ctx).settings
    check_provider(settings, break_filter.provider)
    zones = {entry.slug: entry.timezone for entry in settings.providers}
    day = options.get("day")
    windows = None if day is None else day_windows(day, zones, SystemClock().now())
    run_id = break_filter.run_id
    if run_id is not None:
        run_id = complete_id(open_books(ctx), ShortIdKind.RUN, run_id)
    amount, currency = options.get("min_amount"), break_filter.currency
    minimum = None
    if amount is not None and currency is not None:
        minimum = Money.parse(amount, currency, exponents=settings.exponents).minor
    return replace(break_filter, windows=windows, run_id=run_id, min_difference=minimum)


read_context_filter.options_of = read_filter  # type: ignore[attr-defined] # see with_options
