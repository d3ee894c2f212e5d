"""The pipeline, its queues, what is parked, and the rules of notifications."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from console.api.models.breaks import Limit
from console.api.models.jobs import Number
from console.api.models.values import ApiModel, FilterText, Instant, Text
from reports.notifications.rules import EventKind

Minutes = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}$")]

RuleText = Annotated[str, StringConstraints(pattern=r"^[^,\x00-\x1f]{1,200}$")]


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
    source: str | None = Field(
        description="`settings`, `console`: the database has it, or null: nobody any more."
    )
    disabled: bool
    problem: str | None = Field(description="Why it cannot be in force.")
    when: tuple[str, ...]
    providers: tuple[str, ...]
    people: tuple[str, ...]
    players: bool
    terms: dict[str, Any] | None = Field(description="What the database has of it.")
    changed_by: str | None
    changed_at: Instant | None
    version: str = Field(description="Of a rule of the database; empty for others.")


class RuleListJson(ApiModel):
    """Every rule of the settings and of the database, and every other that wrote a message."""

    items: tuple[RuleJson, ...]


class TryBody(ApiModel):
    """Where the message goes."""

    to: tuple[RuleText, ...] = Field(
        default=(), description="Mail addresses instead of those of the rule."
    )


class RuleTermsBody(ApiModel):
    """What a rule of the database says."""

    channel: RuleText = Field(description="The `[[notify]]` whose channel it uses.")
    when: tuple[EventKind, ...] = Field(min_length=1)
    recipients: tuple[RuleText, ...] = Field(default=(), description="Whom its mail goes to.")
    providers: tuple[RuleText, ...] = Field(default=(), description="None: all.")
    people: tuple[RuleText, ...] = Field(default=(), description="Whose mentions.")
    over: dict[RuleText, RuleText] = Field(default={}, description="Amounts by currency.")
    overdue_within: RuleText | None = Field(default=None, description="Such as `4h`.")
    every: RuleText | None = Field(default=None, description="Such as `1d`.")
    players: bool = False


class RuleBody(RuleTermsBody):
    """A rule for the database."""

    name: RuleText


class RuleReasonBody(ApiModel):
    """Why."""

    reason: Text
