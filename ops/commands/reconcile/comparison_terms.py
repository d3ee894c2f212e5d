"""A provider and window for commands that compare both sides without storing a run."""

from ops.commands.option_values import read_maturity, window_of
from ops.commands.provider_choice import entry_named
from ops.context import Context, database_url
from ops.finance.comparison import ComparisonTerms, comparison_over
from vocabulary.clock import Clock


def comparison_of(
    context: Context, slug: str, window: tuple[str, str], maturity: str | None, clock: Clock
) -> ComparisonTerms:
    """Read the options of a command.

    Raises:
        typer.BadParameter: unknown provider, invalid window or invalid duration.
    """
    entry = entry_named(context.settings, slug)
    span = window_of(*window, zone=entry.timezone)
    ages = read_maturity(maturity)
    return comparison_over(database_url(context), entry, span, clock, ages=ages)
