"""Invoices of providers: received, checked and approved by our books."""

from pydantic import Field

from ops.jobs.kinds.spans import SpanArguments
from storage.jobs.kinds import JobArguments, JobKind
from vocabulary.people import Right


class ReceiveArguments(SpanArguments):
    """Whose invoice it is, for which days, and how the values of its file are written."""

    provider: str
    number: str = Field(default="", max_length=100)
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)
    encoding: str = Field(default="utf-8", max_length=40)

    def title(self) -> str:
        """What the job does."""
        return f"Receive an invoice of {self.provider} for {self.first} to {self.last}"


class InvoiceArguments(JobArguments):
    """A registered invoice."""

    invoice: str = Field(pattern=r"^inv-[0-9a-f]{32}$")

    def title(self) -> str:
        """What the job does."""
        return f"Check invoice {self.invoice[:12]}"


class ApproveArguments(InvoiceArguments):
    """The invoice as it was seen, and why it may be approved although something is wrong.

    Attributes:
        steps: how many steps it had when it was seen.
    """

    steps: int = Field(ge=1)
    reason: str = Field(default="", max_length=4_000)

    def title(self) -> str:
        """What the job does."""
        return f"Approve invoice {self.invoice[:12]}"


RECEIVE_INVOICE = JobKind(
    name="invoice.receive",
    right=Right.RECORD_INVOICES,
    arguments=ReceiveArguments,
    run="ops.jobs.tasks.invoices:receive",
    heavy=True,
    files_max=1,
)
CHECK_INVOICE = JobKind(
    name="invoice.check",
    right=Right.RECORD_INVOICES,
    arguments=InvoiceArguments,
    run="ops.jobs.tasks.invoices:check",
    heavy=True,
)
APPROVE_INVOICE = JobKind(
    name="invoice.approve",
    right=Right.APPROVE_INVOICES,
    arguments=ApproveArguments,
    run="ops.jobs.tasks.invoices:approve",
    heavy=True,
)
#: Those whose result has a check of an invoice.
CHECKING = (RECEIVE_INVOICE.name, CHECK_INVOICE.name, APPROVE_INVOICE.name)
