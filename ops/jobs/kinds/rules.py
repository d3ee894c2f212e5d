"""Trying other rules on the last days of a provider; nothing is stored."""

from datetime import timedelta

from pydantic import Field

from storage.jobs.kinds import JobArguments, JobKind
from vocabulary.people import Right
from vocabulary.plurals import counted


class WhatIfArguments(JobArguments):
    """The provider, how many days back, and the rules as ``name=value``."""

    provider: str
    days: int = Field(default=7, ge=1, le=366)
    rules: tuple[str, ...] = Field(min_length=1, max_length=50)

    def title(self) -> str:
        """What the job does."""
        return f"Try {', '.join(self.rules)} on {counted(self.days, 'day')} of {self.provider}"


WHAT_IF = JobKind(
    name="rules.what-if",
    right=Right.RUN_DAYS,
    arguments=WhatIfArguments,
    run="ops.jobs.tasks.what_if:try_rules",
    heavy=True,
    timeout=timedelta(hours=2),
)
