"""The pipeline, its queues, what is parked, and the rules of notifications."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from console.api.models.breaks import Limit
from console.api.models.jobs import Number
from console.api.models.values import ApiModel, FilterText, Instant, Text

Minutes = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}$")]


class FigureJson(ApiModel):
    """A figure as the page shows it; `bad` needs somebody."""

    text: str
    state: str


class PipelineJson(ApiModel):
    """The pipeline now."""

    read_at: Instant
    sentence: str
    findings: tuple[str, ...] = Field(description="What needs somebody.")
    unseen: tuple[str, ...] = Field(description="What cannot be seen, and why.")
    queues: tuple[str, ...]
    figures: dict[str, FigureJson]


class QueueJson(ApiModel):
    """A queue: whether workers work on it."""

    name: str
    paused: bool
    paused_by: str | None
    paused_at: Instant | None
    why: str | None
    parked: int
    version: str


class QueueBody(ApiModel):
    """Why."""

    reason: Text


class ParkedFilters(ApiModel):
    """Which parked work."""

    job: FilterText | None = None
    cause: FilterText | None = None
    subject: FilterText | None = None
    older: Minutes | None = Field(default=None, description="Parked for so many minutes.")


class ParkedQuery(ParkedFilters):
    """Which parked work, the oldest first."""

    after: Number | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class ParkedItemJson(ApiModel):
    """A piece of work that was parked."""

    id: str
    job: str
    subject: str
    cause: str
    detail: str
    context: dict[str, Any]
    times: int
    parked_at: Instant
    last_at: Instant


class ParkedCountJson(ApiModel):
    """How much is parked for one cause."""

    job: str
    cause: str
    count: int
    oldest_at: Instant


class ParkedJson(ApiModel):
    """What is parked, by cause, and a page of it."""

    total: int
    counts: tuple[ParkedCountJson, ...]
    items: tuple[ParkedItemJson, ...]
    next: str | None = Field(description="Give it as `after` for the next page.")


class ParkedBody(ParkedFilters):
    """What to decide about, and why."""

    count: int = Field(ge=1, description="How much of it is expected to be selected.")
    reason: Text


class ParkedResultJson(ApiModel):
    """What was decided, and what is still parked."""

    action: str
    count: int
    total: int


class RuleJson(ApiModel):
    """A rule of notifications, and how its messages fared."""

    name: str
    in_force: bool
    target: str
    waiting: int
    given_up: int


class RuleListJson(ApiModel):
    """Every rule of the settings, and every other that ever wrote a message."""

    items: tuple[RuleJson, ...]
