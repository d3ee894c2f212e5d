"""Files that are made to be downloaded: journals for accounting, statements to sign."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from reports.journal.formats import JournalFormat
from storage.jobs.kinds import JobArguments, JobKind
from vocabulary.people import Right


class PeriodArguments(JobArguments):
    """Days of one provider or of all; both are included."""

    first: date
    last: date
    provider: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("the first day comes first")
        return self

    def title(self) -> str:
        """What the job does."""
        return f"{self.provider or 'all providers'}, {self.first} to {self.last}"


class JournalArguments(PeriodArguments):
    """Whose import the file is for, and the only currency; empty: all."""

    target: JournalFormat = JournalFormat.CSV
    currency: str = Field(default="", pattern=r"^([A-Z][A-Z0-9]{2,7})?$")

    def title(self) -> str:
        """What the job does."""
        return f"Export journals of {super().title()} for {self.target}"


class StatementArguments(PeriodArguments):
    """Whether only the page to sign is made; else the workbook, the page and CSV, too."""

    only_pdf: bool = False

    def title(self) -> str:
        """What the job does."""
        return f"Write the statement of {super().title()}"


EXPORT_JOURNALS = JobKind(
    name="journal.export",
    right=Right.EXPORT_JOURNALS,
    arguments=JournalArguments,
    run="ops.jobs.tasks.reports:export",
    heavy=True,
)
WRITE_STATEMENT = JobKind(
    name="statement.write",
    right=Right.READ,
    arguments=StatementArguments,
    run="ops.jobs.tasks.reports:write_statement",
    heavy=True,
)
#: Those that make files for people.
MAKING = (EXPORT_JOURNALS.name, WRITE_STATEMENT.name)
