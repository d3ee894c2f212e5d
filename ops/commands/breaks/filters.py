"""The filter options that several ``tieout breaks`` commands share."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from breaks.kinds import BreakKind, Impact
from breaks.queries import BreakFilter
from breaks.states import BreakState
from ops.commands.option_values import read_duration
from ops.commands.options import ProviderFilter
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.money import Money


def read_filter(
    *,
    provider: ProviderFilter = None,
    kind: Annotated[BreakKind | None, typer.Option(help="Only of this kind.")] = None,
    impact: Annotated[Impact | None, typer.Option(help="Only of this impact.")] = None,
    state: Annotated[
        BreakState | None, typer.Option(help="Only in this state; else all but closed.")
    ] = None,
    assignee: Annotated[str | None, typer.Option(help="Only assigned to this name.")] = None,
    currency: Annotated[str | None, typer.Option(help="Only in this currency.")] = None,
    min_amount: Annotated[
        str | None, typer.Option(help="With --currency: at least this difference.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(help="Opened longer ago than this, such as 24h.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Last found by this run.")] = None,
) -> BreakFilter:
    """Read the options into a filter.

    Raises:
        Malformed: an amount without its currency, or an invalid duration.
    """
    if min_amount is not None and currency is None:
        raise Malformed("--min-amount", "a --currency is expected with it")
    before = None
    if older_than is not None:
        before = SystemClock().now() - read_duration(older_than, "--older-than")
    minimum = None if min_amount is None else Money.parse(min_amount, currency or "").minor
    return BreakFilter(
        provider=provider,
        kind=kind,
        impact=impact,
        state=state,
        assignee=assignee,
        currency=currency,
        min_difference=minimum,
        opened_before=before,
        run_id=run,
    )


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the filter; it takes them as ``break_filter``."""
    own = inspect.signature(command, eval_str=True)
    options = inspect.signature(read_filter, eval_str=True).parameters

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        break_filter = read_filter(**{name: arguments.pop(name) for name in options})
        command(break_filter=break_filter, **arguments)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in own.parameters.items()
        if name != "break_filter"
    ]
    parameters += options.values()
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined] # typer reads it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
