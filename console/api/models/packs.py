"""Disputes, invoices, and the journals that were issued."""

from typing import Annotated, Any, Literal

from pydantic import Field

from breaks.disputes.model import AnswerKind, DisputeState, LineState
from breaks.kinds import BreakKind
from console.api.models.breaks import Cursor, Limit, TrailJson
from console.api.models.jobs import JobJson
from console.api.models.values import (
    ApiModel,
    Day,
    FilterText,
    Instant,
    MoneyJson,
    OptionalText,
    Text,
)
from reconcile.invoices.register.states import InvoiceState

_IDS_MAX = 1_000


class DisputeListQuery(ApiModel):
    """Which disputes."""

    provider: FilterText | None = None
    state: Literal["all"] | None = Field(
        default=None, description="Also those that are answered."
    )
    after: Cursor | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class DisputeJson(ApiModel):
    """What was put before a provider; `sums` are the differences of all lines."""

    id: str
    provider: str
    state: DisputeState
    note: str
    opened_by: str
    opened_at: Instant
    due_at: Instant | None
    overdue: bool
    lines: int
    sums: tuple[MoneyJson, ...]


class ClaimJson(ApiModel):
    """Money between us and a provider, by the answer and its age."""

    provider: str
    state: LineState
    age: str
    lines: int
    in_our_favour: MoneyJson
    in_their_favour: MoneyJson


class DisputeListJson(ApiModel):
    """Disputes, the newest first, with the money that is claimed in all of them."""

    items: tuple[DisputeJson, ...]
    claims: tuple[ClaimJson, ...]
    total: int = Field(description="On all pages.")
    next: str | None = Field(description="Give it as `after` for the next page.")


class DisputeLineJson(ApiModel):
    """One disputed break with its answer."""

    name: str
    break_id: str
    round_key: str
    kind: BreakKind
    state: LineState
    difference: MoneyJson
    difference_now: MoneyJson
    answer: AnswerKind | None
    reference: str | None
    comment: str | None


class PackJson(ApiModel):
    """A pack that was written."""

    number: int
    exported_by: str
    exported_at: Instant
    due_at: Instant
    sha256: str
    size: int


class DisputeDetailJson(DisputeJson):
    """A dispute with every line, its packs and what people did."""

    items: tuple[DisputeLineJson, ...]
    packs: tuple[PackJson, ...]
    trail: tuple[TrailJson, ...]


class OpenDisputeBody(ApiModel):
    """The breaks to dispute: by their ids, or those of a provider's day."""

    breaks: Annotated[tuple[FilterText, ...], Field(max_length=_IDS_MAX)] = ()
    provider: FilterText | None = None
    day: Day | None = None
    count: int = Field(ge=1, le=100_000, description="How many of them are expected to fit.")
    note: OptionalText = ""


class InvoiceListQuery(ApiModel):
    """Whose invoices."""

    provider: FilterText | None = None
    after: Cursor | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class InvoiceJson(ApiModel):
    """An invoice with what the last check found."""

    id: str
    provider: str
    number: str
    state: InvoiceState
    fee: MoneyJson
    first_day: Day
    last_day: Day
    received_at: Instant
    summary: dict[str, Any] = Field(description="Of the last check; amounts as decimal text.")


class InvoiceListJson(ApiModel):
    """Invoices, the newest first."""

    items: tuple[InvoiceJson, ...]
    total: int = Field(description="On all pages.")
    next: str | None = Field(description="Give it as `after` for the next page.")


class InvoiceStepJson(ApiModel):
    """What somebody did with an invoice."""

    number: int
    state: InvoiceState
    by: str
    at: Instant
    reason: str
    paid_on: Day | None
    reference: str | None


class InvoiceDetailJson(InvoiceJson):
    """An invoice with its steps and its last check."""

    file_name: str
    digest: str
    size: int
    steps: tuple[InvoiceStepJson, ...]
    check: dict[str, Any] | None = Field(description="The last check in full.")
    checked_at: Instant | None
    actions: tuple[str, ...] = Field(description="What the person may do with it now.")
    trail: tuple[TrailJson, ...]
    version: str = Field(description="How many steps it has: `steps` of an approval.")


class DisputeInvoiceBody(ApiModel):
    """What is wrong with the invoice."""

    reason: Text


class PayBody(ApiModel):
    """The payment."""

    paid_on: Day
    reference: Text


class JournalJson(ApiModel):
    """An issued journal of one provider, day and currency."""

    number: int
    external_id: str
    narration: str
    version: int
    issued_at: Instant
    issued_by: str
    debit: MoneyJson
    lines: int


class ReportsJson(ApiModel):
    """The reports that were made lately, and the journals of the last days."""

    made: tuple[JobJson, ...]
    journals: tuple[JournalJson, ...]
    journal_count: int
