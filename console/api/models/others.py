"""Runs, people, what a search finds, tokens, and who is asking."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from console.api.models.breaks import Cursor, Limit
from console.api.models.values import (
    ApiModel,
    Day,
    FilterText,
    Instant,
    MoneyJson,
    WindowJson,
)
from reports.find.query import FoundKind
from vocabulary.people import Role


class RunListQuery(ApiModel):
    """Which runs, the newest first."""

    provider: FilterText | None = None
    after: Cursor | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class RunJson(ApiModel):
    """A stored run: what it compared and what it found."""

    run_id: str
    provider: str
    window: WindowJson
    started_at: Instant
    finished_at: Instant
    matched: int
    breaks: int = Field(description="`GET /breaks?run=…&state=all` lists them.")


class RunListJson(ApiModel):
    """One page of runs."""

    items: tuple[RunJson, ...]
    next: str | None = Field(description="Give it as `after` for the next page.")


class RunTotalsJson(ApiModel):
    """What one side adds up to in one currency."""

    stake: MoneyJson | None
    payout: MoneyJson | None


class RunSideJson(ApiModel):
    """One side of a run."""

    rows: int
    totals: dict[str, RunTotalsJson]
    tallies: dict[str, int | None] = Field(description="Rows by what became of them.")


class RunDetailJson(RunJson):
    """A stored run with the proof that no row was lost."""

    ours: RunSideJson
    theirs: RunSideJson
    timing: dict[str, int]
    excluded: dict[str, int]
    residual: dict[str, MoneyJson | None]
    booked: dict[str, MoneyJson | None]
    unread: tuple[dict[str, Any], ...]
    conserved: bool
    code: str
    rules: dict[str, Any]


class PersonJson(ApiModel):
    """A registered person."""

    name: str
    display_name: str
    roles: tuple[Role, ...]
    os_user: str | None
    disabled: bool


class RightJson(ApiModel):
    """A right, the scope that has its name, and the roles that have it."""

    right: str
    scope: str
    roles: tuple[Role, ...]


class PeopleJson(ApiModel):
    """Everyone who is or was registered, and the table of rights."""

    items: tuple[PersonJson, ...]
    rights: tuple[RightJson, ...]


class TokenJson(ApiModel):
    """A token without its secret."""

    id: str
    person: str
    name: str
    scopes: tuple[str, ...]
    made_at: Instant
    expires_at: Instant
    last_used_at: Instant | None
    revoked_at: Instant | None
    revoked_by: str | None
    version: str


class TokenListJson(ApiModel):
    """Own tokens; administrators see everybody's."""

    items: tuple[TokenJson, ...]


class MeJson(ApiModel):
    """Who is asking, and what they may do with what they sent."""

    name: str
    display_name: str
    roles: tuple[Role, ...]
    scopes: tuple[str, ...] = Field(description="The rights of now, as far as the token goes.")
    authenticated_by: str = Field(description="`token` or `session`.")
    expires_at: Instant


class FindQuery(ApiModel):
    """What to search."""

    q: FilterText
    day: Day | None = Field(default=None, description="The day of an amount.")
    limit: Annotated[str, StringConstraints(pattern=r"^([1-9]|[1-4][0-9]|50)$")] | None = Field(
        default=None, description="1 to 50; 30 if not given."
    )


class HitJson(ApiModel):
    """One thing that the text names."""

    kind: FoundKind
    id: str
    provider: str | None
    summary: str
    facts: dict[str, str]
    next: tuple[str, ...] = Field(description="Commands that lead on.")
    exact: bool


class FindingsJson(ApiModel):
    """Everything that a text names, the best hit first."""

    query: str
    searched: tuple[str, ...]
    hits: tuple[HitJson, ...]
    cut: bool
    advice: tuple[str, ...]
