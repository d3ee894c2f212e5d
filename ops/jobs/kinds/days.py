"""Work on days: a run over one, a sweep over several providers, closing one for a reason."""

from datetime import date, timedelta

from pydantic import Field

from storage.jobs.kinds import JobArguments, JobKind
from vocabulary.people import Right

#: Longest time for one run; then it is given up.
RUN_TIMEOUT = timedelta(hours=6)
#: Longest reason, in characters.
REASON_CHARS_MAX = 4_000


class DayArguments(JobArguments):
    """A day of a provider."""

    provider: str
    day: date


class RunArguments(DayArguments):
    """A day to compare; it stays open."""

    def title(self) -> str:
        """What the job does."""
        return f"Compare {self.provider} {self.day}"


class CloseArguments(DayArguments):
    """A day to close; the reason says why, although feeds or timing are left."""

    reason: str = Field(default="", max_length=REASON_CHARS_MAX)

    def title(self) -> str:
        """What the job does."""
        return f"Close {self.provider} {self.day}"


class SweepArguments(JobArguments):
    """Providers whose day is swept; the days differ only if their zones do."""

    providers: tuple[str, ...] = Field(min_length=1)
    day: date

    def title(self) -> str:
        """What the job does."""
        return f"Sweep {self.day} of {', '.join(self.providers)}"


RUN_DAY = JobKind(
    name="day.run",
    right=Right.RUN_DAYS,
    arguments=RunArguments,
    run="ops.jobs.tasks.days:run_day",
    heavy=True,
    timeout=RUN_TIMEOUT,
)
CLOSE_DAY = JobKind(
    name="day.close",
    right=Right.PREPARE_DAYS,
    arguments=CloseArguments,
    run="ops.jobs.tasks.days:close_day",
    heavy=True,
    timeout=RUN_TIMEOUT,
)
SWEEP_DAY = JobKind(
    name="day.sweep",
    right=Right.RUN_DAYS,
    arguments=SweepArguments,
    run="ops.jobs.tasks.sweep:sweep_days",
    heavy=True,
    timeout=RUN_TIMEOUT,
)
