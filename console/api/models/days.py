"""Business days, their figures and steps; the first page and the calendar."""

from typing import Annotated

from pydantic import Field, StringConstraints

from console.api.models.breaks import TrailJson
from console.api.models.values import (
    ApiModel,
    Day,
    FilterText,
    Instant,
    MoneyJson,
    Text,
    WindowJson,
)
from reconcile.days.states import DayAction, DayState


class SideTotalsJson(ApiModel):
    """One side of a day in one currency."""

    rounds: int
    stake: MoneyJson
    payout: MoneyJson
    ggr: MoneyJson


class OpenMoneyJson(ApiModel):
    """The breaks of a day in one currency."""

    open: int
    owed: MoneyJson
    owing: MoneyJson
    in_breaks: MoneyJson


class DayFiguresJson(ApiModel):
    """Both sides and the breaks of a day, by currency."""

    ours: dict[str, SideTotalsJson]
    theirs: dict[str, SideTotalsJson]
    breaks: dict[str, OpenMoneyJson]
    difference: dict[str, MoneyJson]
    unexplained: dict[str, MoneyJson]
    state: str = Field(description="A digest of every break and correction of the day.")


class DayCloseJson(ApiModel):
    """The close of a day by a run."""

    at: Instant
    run_id: str | None
    by: str | None
    reason: str


class DayStepJson(ApiModel):
    """What a person did to a day."""

    number: int
    action: DayAction
    by: str
    at: Instant
    reason: str
    two_people: bool
    run_id: str | None
    seal: str | None
    figures: DayFiguresJson


class DayChangeJson(ApiModel):
    """What changed in one currency since the day was prepared or signed, in GGR."""

    currency: str
    ours: MoneyJson
    theirs: MoneyJson
    open_before: int
    open_now: int


class DayCorrectionJson(ApiModel):
    """A correction of a round of the day, or one that was decided on it."""

    id: str
    round_key: str
    amount: MoneyJson | None
    state: str
    reason: str
    proposed_by: str
    decided_by: str | None
    decided_at: Instant | None
    began_at: Instant | None


class DayJson(ApiModel):
    """A business day of a provider."""

    provider: str
    day: str
    window: WindowJson
    zone: str
    state: DayState
    waits_for: tuple[str, ...]
    closed: DayCloseJson | None
    figures: DayFiguresJson
    steps: tuple[DayStepJson, ...]
    changed_since: bool
    since_sign_off: tuple[DayChangeJson, ...]
    version: str


class DayDetailJson(DayJson):
    """A business day with its corrections and history."""

    corrections: tuple[DayCorrectionJson, ...]
    trail: tuple[TrailJson, ...]
    actions: tuple[str, ...] = Field(
        description="What the state allows; who may do it is a question of rights."
    )


class DayListQuery(ApiModel):
    """Which days, the newest first."""

    provider: FilterText | None = None
    after: Day | None = Field(default=None, description="`next` of the page before.")
    days: Annotated[str, StringConstraints(pattern=r"^([1-9]|[12][0-9]|3[01])$")] | None = (
        Field(default=None, description="How many days back, 1 to 31; 7 if not given.")
    )


class DayListJson(ApiModel):
    """Days that have rounds or a close."""

    items: tuple[DayJson, ...]
    next: str | None = Field(description="Give it as `after` for the days before.")


class ReasonOrNoneBody(ApiModel):
    """Why; needed if breaks are open."""

    reason: Text | None = None


class TodayQuery(ApiModel):
    """Which day; yesterday if not given."""

    day: Day | None = None


class OwedJson(ApiModel):
    """Open breaks of one provider, impact and currency."""

    provider: str
    impact: str
    breaks: int
    amount: MoneyJson


class WaitingJson(ApiModel):
    """What waits for people."""

    proposed: int = Field(description="Corrections and write-offs to decide.")
    assigned: int = Field(description="Breaks that you work on.")
    open: int
    overdue: int


class TodayJson(ApiModel):
    """How a day stands at each provider, and what waits."""

    sentence: str
    day: str
    days: tuple[DayJson, ...]
    waiting: WaitingJson
    ages: dict[str, int] = Field(description="Breaks that are not settled, by age.")
    owed: tuple[OwedJson, ...]


class CalendarQuery(ApiModel):
    """Which month; this one if not given."""

    month: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")] | None = (
        None
    )


class CalendarDayJson(ApiModel):
    """One day of the calendar."""

    day: str
    state: str
    breaks: int
    gross: dict[str, MoneyJson]


class CalendarJson(ApiModel):
    """A month of days by provider."""

    month: str
    providers: dict[str, tuple[CalendarDayJson, ...]]
