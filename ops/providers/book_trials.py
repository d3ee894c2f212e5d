"""Tries corrections on the books, by the logs of the configured providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Trial, TryCorrections
from breaks.store import TrackedBreak
from ops.settings.model import Settings


def book_trials(settings: Settings, database_url: str) -> TryCorrections:
    """Tries corrections over connections of this URL."""
    return _BookTrials(settings=settings, database_url=database_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BookTrials:
    settings: Settings
    database_url: str

    def __call__(
        self, break_: TrackedBreak, corrections: Sequence[Correction], *, now: datetime
    ) -> Trial:
        # Comparing needs pandas, which a console that tries nothing does without.
        from ops.providers.configured import configured  # noqa: PLC0415
        from ops.providers.reconcile_inputs import reader_of  # noqa: PLC0415
        from reconcile.trials.trial import BreakTrials  # noqa: PLC0415

        providers = configured(self.settings)
        readers = {slug: reader_of(provider) for slug, provider in providers.items()}
        trials = BreakTrials(database_url=self.database_url, readers=readers)
        return trials(break_, corrections, now=now)
