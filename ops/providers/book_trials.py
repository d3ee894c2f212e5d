"""Tries corrections on the books, by the logs of the configured providers."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from sqlalchemy import Engine

from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Trial, TryCorrections
from breaks.store import TrackedBreak
from ops.garbage import OF_CONSOLE, skip_loaded
from ops.settings.model import Settings


def book_trials(
    settings: Settings, database_url: str, engine: Engine | None = None
) -> TryCorrections:
    """Tries corrections over connections of this URL, and those of an engine on it if given."""
    return _BookTrials(settings, database_url, engine)


class _BookTrials:
    def __init__(self, settings: Settings, database_url: str, engine: Engine | None) -> None:
        self._settings, self._database_url, self._engine = settings, database_url, engine

    def __call__(
        self, break_: TrackedBreak, corrections: Sequence[Correction], *, now: datetime
    ) -> Trial:
        return self._trials(break_, corrections, now=now)

    @cached_property
    def _trials(self) -> TryCorrections:
        # Comparing needs pandas, which a console that tries nothing does without.
        from ops.providers.configured import configured  # noqa: PLC0415
        from ops.providers.reconcile_inputs import reader_of  # noqa: PLC0415
        from reconcile.trials.trial import BreakTrials  # noqa: PLC0415

        skip_loaded(OF_CONSOLE)
        providers = configured(self._settings)
        readers = {slug: reader_of(provider) for slug, provider in providers.items()}
        return BreakTrials(
            database_url=self._database_url, readers=readers, engine=self._engine
        )
