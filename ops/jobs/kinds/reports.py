"""Files that are made to be downloaded: journals for accounting, statements to sign."""

from pydantic import Field

from ops.jobs.kinds.spans import SpanArguments
from reports.journal.formats import JournalFormat
from storage.jobs.kinds import JobKind
from vocabulary.people import Right


class PeriodArguments(SpanArguments):
    """Days of one provider or of all."""

    provider: str = ""

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
