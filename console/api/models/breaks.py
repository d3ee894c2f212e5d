"""Breaks, what people do to them, and what a correction would do."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from breaks.kinds import BreakKind, Impact
from breaks.lists.paging import BreakOrder
from breaks.states import BreakState
from console.api.models.values import (
    ApiModel,
    Day,
    FilterText,
    Instant,
    MoneyJson,
    Text,
)

_STATE = "|".join(state.value for state in BreakState)
#: Most breaks of one answer.
LIMIT_MAX = 200

#: The code of a currency.
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{2,7}$")]
#: An amount in a filter, as people write it.
DecimalText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")]
#: A number of days, up to ten years.
Days = Annotated[
    str,
    StringConstraints(
        pattern=r"^([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|36[0-4][0-9]|3650)$"
    ),
]
Limit = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]?|1[0-9]{2}|200)$")]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_=-]{1,400}$")]


class BreakFilters(ApiModel):
    """Which breaks; without ``state`` all but closed ones."""

    provider: FilterText | None = None
    kind: BreakKind | None = None
    state: Annotated[str, StringConstraints(pattern=rf"^(all|({_STATE})(,({_STATE}))*)$")] | (
        None
    ) = Field(default=None, description="One state, several with commas between, or `all`.")
    impact: Impact | None = None
    assignee: FilterText | None = None
    player: FilterText | None = None
    round: FilterText | None = Field(default=None, description="Our round id, or theirs.")
    day: Day | None = Field(default=None, description="Began on this day of its provider.")
    run: FilterText | None = Field(default=None, description="Last seen by this run.")
    q: FilterText | None = Field(
        default=None, description="Part of an id, the player or the explanation."
    )
    currency: Currency | None = None
    min: DecimalText | None = Field(
        default=None, description="Smallest difference; needs `currency`."
    )
    max: DecimalText | None = Field(
        default=None, description="Largest difference; needs `currency`."
    )
    age: Days | None = Field(default=None, description="Open for at least so many days.")
    under: Days | None = Field(default=None, description="Open for less than so many days.")
    overdue: Literal["1"] | None = Field(default=None, description="Only what is overdue.")
    in_figures: Literal["1"] | None = Field(
        default=None, description="Only what explains a difference in GGR, in any state."
    )
    game: FilterText | None = None
    mentioned: Literal["me"] | None = Field(
        default=None, description="Only with a comment that names who asks, not read yet."
    )


class BreakListQuery(BreakFilters):
    """Which breaks in which order; without ``state`` all but closed ones."""

    sort: BreakOrder | None = Field(
        default=None, description="The largest money first, or the oldest."
    )
    after: Cursor | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description=f"1 to {LIMIT_MAX}; 50 if not given.")


class BreakSourcesQuery(ApiModel):
    """How much of what sources said is answered."""

    bytes: Literal["true", "false"] | None = Field(
        default=None, description="Also the bytes as they came, in base64."
    )


class BreakSideJson(ApiModel):
    """What one side has of the round."""

    stake: MoneyJson | None
    payout: MoneyJson | None
    declared_net: MoneyJson | None
    player: str | None
    records: int | None
    at: str | None
    rolled_back: bool


class BreakJson(ApiModel):
    """One break as the last run found it, with its workflow state."""

    id: str
    provider: str
    kind: BreakKind
    impact: Impact
    state: BreakState
    standing: str
    assignee: str | None
    player: str | None
    currency: str
    round_key: str
    alias: str
    game: str | None
    difference: MoneyJson = Field(description="Positive: the player is owed.")
    invoice_impact: str
    invoice_difference: MoneyJson
    explanation: str
    answer: str | None = Field(description="The provider's answer to an inquiry.")
    run_id: str
    began_at: Instant | None
    first_seen: Instant
    last_seen: Instant
    cleared_at: Instant | None
    opened_at: Instant
    since: Instant
    due: Instant | None = Field(description="Until when somebody has to act.")
    reopened: int
    version: str


class TrialBreakJson(ApiModel):
    """A break that a correction would close, open or change."""

    id: str
    kind: str
    round_key: str
    player: str
    currency: str
    difference: MoneyJson | None


class TrialEntryJson(ApiModel):
    """An entry that would be posted."""

    account: str
    amount: MoneyJson | None


class ContradictionJson(ApiModel):
    """A source that says something else than the correction."""

    source: str
    sentence: str


class TrialJson(ApiModel):
    """What a correction was tried to do, before it was stored."""

    tried_at: str
    run_id: str
    found: bool
    cured: bool
    closes: tuple[TrialBreakJson, ...]
    opens: tuple[TrialBreakJson, ...]
    changes: tuple[TrialBreakJson, ...]
    entries: tuple[TrialEntryJson, ...]
    balance_before: MoneyJson | None
    balance_after: MoneyJson | None
    contradictions: tuple[ContradictionJson, ...]
    overruled: tuple[str, ...]


class CorrectionJson(ApiModel):
    """A correction that would make both sides agree."""

    amount: MoneyJson = Field(description="To the player.")
    side: str | None


class NoteJson(ApiModel):
    """A comment or a piece of evidence."""

    id: str
    at: Instant
    by: str
    kind: str
    body: str
    digest: str | None
    size: int | None


class AdjustmentJson(ApiModel):
    """A proposed, approved, rejected or booked correction."""

    id: str
    state: str
    amount: MoneyJson
    side: str | None
    reason: str
    proposed_by: str
    decided_by: str | None
    decision: str | None


class WriteOffJson(ApiModel):
    """A write-off of the difference with the provider."""

    write_off_id: str
    state: str
    amount: MoneyJson
    currency: str
    reason: str
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    reversed_by: str | None
    reversed_at: Instant | None


class TrailJson(ApiModel):
    """One row of the audit trail."""

    at: Instant
    by: str
    acting: str | None
    action: str
    detail: dict[str, Any]


class BreakDetailJson(BreakJson):
    """One break with everything that people did, and may do next."""

    ours: BreakSideJson | None
    theirs: BreakSideJson | None
    evidence: dict[str, Any]
    trial: TrialJson | None
    suggested: tuple[CorrectionJson, ...] = Field(description="What `propose` would propose.")
    notes: tuple[NoteJson, ...]
    adjustments: tuple[AdjustmentJson, ...]
    write_offs: tuple[WriteOffJson, ...]
    trail: tuple[TrailJson, ...]
    actions: tuple[str, ...] = Field(
        description="What the state allows; who may do it is a question of rights."
    )


class BreakListJson(ApiModel):
    """One page of breaks."""

    items: tuple[BreakJson, ...]
    total: int
    next: str | None = Field(description="Give it as `after` for the next page.")


class SourceJson(ApiModel):
    """What one source says about the round."""

    source: str
    at: Instant
    id: str
    words: str
    received: str | None = Field(description="Base64; null unless asked for, or if none.")
    answered: str | None


class SourceListJson(ApiModel):
    """What every source says, by time."""

    items: tuple[SourceJson, ...]


class CommentBody(ApiModel):
    """A comment."""

    text: Text


class AssignBody(ApiModel):
    """Who works on it."""

    to: FilterText


class ReasonBody(ApiModel):
    """Why; kept for ever."""

    reason: Text


class NoBody(ApiModel):
    """Nothing more is needed."""
