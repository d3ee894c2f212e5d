"""Uploaded statements: a preview, then the import of exactly those bytes; pulls."""

from datetime import timedelta

from pydantic import Field

from storage.jobs.kinds import JobArguments, JobKind
from vocabulary.people import Right


class PreviewArguments(JobArguments):
    """The provider whose statement the uploaded file is said to be."""

    provider: str

    def title(self) -> str:
        """What the job does."""
        return f"Preview a statement of {self.provider}"


class ImportArguments(JobArguments):
    """The previewed file: the job that previewed it, and the SHA-256 that the person saw."""

    provider: str
    preview: int
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    restates: bool = False

    def title(self) -> str:
        """What the job does."""
        return f"Import a statement of {self.provider} (preview {self.preview})"


class PullArguments(JobArguments):
    """The provider to pull."""

    provider: str

    def title(self) -> str:
        """What the job does."""
        return f"Pull the feeds of {self.provider}"


PREVIEW = JobKind(
    name="feed.preview",
    right=Right.IMPORT_FEEDS,
    arguments=PreviewArguments,
    run="ops.jobs.tasks.feeds:preview",
    files_max=1,
    timeout=timedelta(minutes=30),
)
IMPORT = JobKind(
    name="feed.import",
    right=Right.IMPORT_FEEDS,
    arguments=ImportArguments,
    run="ops.jobs.tasks.feeds:import_previewed",
    timeout=timedelta(hours=1),
)
PULL = JobKind(
    name="feed.pull",
    right=Right.IMPORT_FEEDS,
    arguments=PullArguments,
    run="ops.jobs.tasks.feeds:pull",
    heavy=True,
    timeout=timedelta(hours=6),
)
