"""Jobs: what the scheduler did and does, and the bodies that request each kind."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from console.api.models.breaks import Currency, Limit
from console.api.models.values import ApiModel, Day, FilterText, Instant, OptionalText
from reports.journal.formats import JournalFormat
from storage.jobs.model import JobState

#: A number of ours, as ids are written.
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
#: Bytes in base64.
Base64 = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"),
    Field(json_schema_extra={"contentEncoding": "base64"}),
]
#: A SHA-256 in hexadecimal.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class JobListQuery(ApiModel):
    """Which jobs, the newest first."""

    by: FilterText | None = Field(default=None, description="Who requested them.")
    kind: FilterText | None = None
    active: Literal["true", "false"] | None = Field(
        default=None, description="Only what waits or runs."
    )
    after: Number | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class JobJson(ApiModel):
    """A job of the scheduler, as it is now."""

    id: str
    kind: str
    title: str
    arguments: dict[str, Any]
    state: JobState
    sentence: str
    requested_by: str
    requested_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    cancelled_by: str | None
    percent: int | None
    error: str | None
    dropped_at: Instant | None = Field(description="Since when its files are gone.")


class JobListJson(ApiModel):
    """One page of jobs."""

    items: tuple[JobJson, ...]
    next: str | None = Field(description="Give it as `after` for the next page.")


class JobFileJson(ApiModel):
    """A file of a job, without its bytes; `in` was sent with the request."""

    id: str
    direction: Literal["in", "out"]
    name: str
    media_type: str
    sha256: str
    size: int


class JobLinkJson(ApiModel):
    """A page about what a job made."""

    path: str
    text: str


class JobDetailJson(JobJson):
    """A job with its progress, its result and its files."""

    progress: tuple[str, ...]
    ahead: int = Field(description="Jobs that it has to wait for.")
    links: tuple[JobLinkJson, ...]
    details: dict[str, Any] = Field(description="What it found, by kind of job.")
    files: tuple[JobFileJson, ...]


class FileJson(ApiModel):
    """A file with its bytes."""

    name: str
    media_type: str
    size: int
    content: str = Field(
        description="In base64.", json_schema_extra={"contentEncoding": "base64"}
    )


class UploadJson(ApiModel):
    """A file that is sent."""

    name: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f/\\]{1,200}$")]
    content: Base64


class ImportBody(ApiModel):
    """The previewed bytes that are imported."""

    sha256: Sha256 = Field(description="Of the previewed file, as it was seen.")
    restates: bool = Field(default=False, description="Import although it restates another.")


class JobBody(ApiModel):
    """The arguments of a kind of job."""


class ProviderBody(JobBody):
    """The provider that it is about."""

    provider: FilterText


class DayJobBody(ProviderBody):
    """A day of a provider."""

    day: Day


class CloseJobBody(DayJobBody):
    """A day to close; the reason says why, although something is missing."""

    reason: OptionalText = ""


class SweepJobBody(JobBody):
    """The day of several providers."""

    providers: Annotated[tuple[FilterText, ...], Field(min_length=1, max_length=100)]
    day: Day


class WhatIfJobBody(ProviderBody):
    """Rules to try on the last days of a provider."""

    days: int = Field(default=7, ge=1, le=366)
    rules: Annotated[tuple[FilterText, ...], Field(min_length=1, max_length=50)] = Field(
        description="Each as `name=value`, such as `maturity=30m`."
    )


class DisputeJobBody(JobBody):
    """The dispute whose pack is written."""

    dispute: Annotated[str, StringConstraints(pattern=r"^dsp-[0-9a-f]{20}$")]


class UploadBody(ProviderBody):
    """A file of a provider."""

    file: UploadJson


class TableUploadBody(UploadBody):
    """A file of a provider, and how its values are written."""

    decimal: Annotated[str, StringConstraints(pattern=r"^[.,]$")] = "."
    thousands: Annotated[str, StringConstraints(pattern=r"^[., ']?$")] = ""
    encoding: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "utf-8"


class InvoiceUploadBody(TableUploadBody):
    """An invoice of a provider for some days; both ends are included."""

    first: Day
    last: Day
    number: Annotated[str, StringConstraints(pattern=r"^[^\x00]{0,100}$")] = ""


class InvoiceJobBody(JobBody):
    """A registered invoice."""

    invoice: Annotated[str, StringConstraints(pattern=r"^inv-[0-9a-f]{32}$")]


class ApproveJobBody(InvoiceJobBody):
    """The invoice as it was seen, and why it may be approved although something is wrong."""

    steps: int = Field(ge=1, description="How many steps it had when it was seen.")
    reason: OptionalText = ""


class PeriodJobBody(JobBody):
    """Days of one provider, or of all; both ends are included."""

    first: Day
    last: Day
    provider: str = Field(default="", max_length=200, description="Empty: all providers.")


class StatementJobBody(PeriodJobBody):
    """Whether only the page to sign is made; else the workbook, the page and CSV, too."""

    only_pdf: bool = False


class JournalJobBody(PeriodJobBody):
    """The journals of a period, for an accounting program."""

    target: JournalFormat = Field(default=JournalFormat.CSV, strict=False)
    currency: Currency | Literal[""] = Field(default="", description="Empty: all.")
