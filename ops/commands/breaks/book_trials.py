"""Tries corrections on the books of a command."""

import typer

from breaks.trials import TryCorrections
from ops.context import context_of, database_url
from ops.providers.configured import configured
from ops.providers.reconcile_inputs import reader_of
from reconcile.trials.trial import BreakTrials


def book_trials(ctx: typer.Context) -> TryCorrections:
    """Tries corrections on the books of the command, by the configured providers' logs."""
    context = context_of(ctx)
    readers = {
        slug: reader_of(provider) for slug, provider in configured(context.settings).items()
    }
    return BreakTrials(database_url=database_url(context), readers=readers)
