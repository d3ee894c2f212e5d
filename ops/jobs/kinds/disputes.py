"""Packs for providers, and their answers."""

from pydantic import Field

from storage.jobs.kinds import JobArguments, JobKind
from vocabulary.people import Right


class ExportArguments(JobArguments):
    """The dispute whose pack is written."""

    dispute: str = Field(pattern=r"^dsp-[0-9a-f]{20}$")

    def title(self) -> str:
        """What the job does."""
        return f"Write the pack of {self.dispute}"


class AnswersArguments(JobArguments):
    """Whose answers the file has, and how its values are written."""

    provider: str
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)
    encoding: str = Field(default="utf-8", max_length=40)

    def title(self) -> str:
        """What the job does."""
        return f"Import answers of {self.provider}"


EXPORT_DISPUTE = JobKind(
    name="dispute.export",
    right=Right.DISPUTE,
    files_right=Right.DISPUTE,
    arguments=ExportArguments,
    run="ops.jobs.tasks.disputes:export_pack",
)
IMPORT_ANSWERS = JobKind(
    name="dispute.import",
    right=Right.DISPUTE,
    files_right=Right.DISPUTE,
    arguments=AnswersArguments,
    run="ops.jobs.tasks.disputes:import_file",
    files_max=1,
)
