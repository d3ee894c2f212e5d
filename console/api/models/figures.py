"""Totals of both sides and trends, as figures."""

from pydantic import Field

from console.api.models.breaks import Currency
from console.api.models.values import ApiModel, Day, FilterText, Instant, MoneyJson, WindowJson
from reports.grouped_totals import GroupBy


class SpanQuery(ApiModel):
    """Which days and whose; both ends are included."""

    provider: FilterText | None = None
    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")
    currency: Currency | None = None


class TotalsListQuery(SpanQuery):
    """Which figures, and what rows are grouped by beside the currency."""

    by: GroupBy | None = Field(default=None, description="`day` if not given.")
    then: GroupBy | None = None
    game: FilterText | None = None


class FiguresJson(ApiModel):
    """What one side adds up to."""

    rounds: int
    bets: int
    wins: int
    rollbacks: int
    stake: MoneyJson
    payout: MoneyJson


class TotalsRowJson(ApiModel):
    """Both sides of one group in one currency; differences are theirs less ours, in GGR."""

    name: tuple[str, ...] = Field(description="By the columns of `by`.")
    currency: str
    ours: FiguresJson
    theirs: FiguresJson
    in_breaks: MoneyJson = Field(description="The difference of GGR that breaks explain.")
    open_breaks: int


class CoverageJson(ApiModel):
    """What runs compared of a provider's days."""

    provider: str
    run_ids: tuple[str, ...]
    gaps: tuple[WindowJson, ...]


class TotalsJson(ApiModel):
    """The figures of some days."""

    first: Day
    last: Day
    summed_at: Instant = Field(description="When the oldest sum of both sides was added up.")
    by: tuple[GroupBy, ...]
    sentence: str
    items: tuple[TotalsRowJson, ...]
    foot: tuple[TotalsRowJson, ...] = Field(description="All of it, by currency.")
    coverage: tuple[CoverageJson, ...]
    break_count: int


class TrendDayJson(ApiModel):
    """One day of one provider; null: it is not known, or takes too long to add up."""

    provider: str
    day: Day
    ours: FiguresJson | None
    theirs: FiguresJson | None
    opened: int | None
    resolved: int | None
    due: int | None = Field(description="Rows that had a day to be explained.")
    explained: int | None = Field(description="Those that were, within that day.")
    delay_s: int | None = Field(description="How late records arrived.")


class OpenAgeJson(ApiModel):
    """Open money of one age."""

    age: str
    breaks: int
    we_owe: MoneyJson
    they_owe: MoneyJson


class TrendsJson(ApiModel):
    """The figures of all charts over some days, in one currency."""

    first: Day
    last: Day
    currency: str
    at: Instant
    summed_at: Instant = Field(description="When the oldest sum was added up.")
    days: tuple[TrendDayJson, ...]
    ages: tuple[OpenAgeJson, ...]
