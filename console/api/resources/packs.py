"""Disputes, invoices, reports and journals; what takes long is requested as a job."""

from dataclasses import replace
from typing import Any

from breaks.disputes.claims import DisputeClaim
from breaks.disputes.model import Dispute, DisputeLine
from console.api.endpoint import Create, Endpoint, Read, Write
from console.api.models.jobs import FileJson, JobJson
from console.api.models.packs import (
    ClaimJson,
    DisputeDetailJson,
    DisputeInvoiceBody,
    DisputeJson,
    DisputeLineJson,
    DisputeListJson,
    DisputeListQuery,
    InvoiceDetailJson,
    InvoiceJson,
    InvoiceListJson,
    InvoiceListQuery,
    InvoiceStepJson,
    JournalJson,
    OpenDisputeBody,
    PackJson,
    PayBody,
    ReportsJson,
)
from console.api.models.values import MoneyJson, attributes, money
from console.api.resources.breaks import trail_json
from console.api.resources.jobs import file_json, job_fields
from console.config import ConsoleConfig, Visit
from console.pages.packs import dispute_opening, disputes, invoices, reports
from reconcile.invoices.register.store import RegisteredInvoice
from reports.journal.model import IssuedJournal
from vocabulary.people import Right


def list_disputes(visit: Visit) -> DisputeListJson:
    """Disputes, the newest first; without ``state`` those that wait for answers."""
    shown = disputes.show_all(visit).values
    return DisputeListJson(
        items=tuple(DisputeJson(**_dispute(row.dispute, visit)) for row in shown["rows"]),
        claims=tuple(_claim(claim, visit.config) for claim in shown["claims"]),
        total=shown["total"],
        next=shown["next"],
    )


def show_dispute(visit: Visit) -> DisputeDetailJson:
    """One dispute with every line."""
    shown = disputes.show(visit).values
    dispute: Dispute = shown["dispute"]
    return DisputeDetailJson(
        **_dispute(dispute, visit),
        items=tuple(_line(line, dispute, visit.config) for line in dispute.lines),
        packs=tuple(
            PackJson(
                sha256=pack.pack_sha256,
                **attributes(pack, "number exported_by exported_at due_at size"),
            )
            for pack in dispute.exports
        ),
        trail=trail_json(shown["trail"]),
    )


def show_pack(visit: Visit) -> FileJson:
    """A pack as it was written."""
    return file_json(disputes.download_pack(visit))


def open_dispute(body: OpenDisputeBody, visit: Visit) -> DisputeDetailJson:
    """Open a dispute of the breaks that fit, if they are as many as expected."""
    form = {**visit.form, "breaks": " ".join(body.breaks)}
    opened = dispute_opening.open_(replace(visit, form=form))
    dispute_id = opened.path.partition("?")[0].rpartition("/")[2]
    return show_dispute(replace(visit, path={"id": dispute_id}))


def list_invoices(visit: Visit) -> InvoiceListJson:
    """Every invoice, the newest first."""
    shown = invoices.show_all(visit).values
    return InvoiceListJson(
        items=tuple(
            InvoiceJson(**_invoice(invoice, visit.config)) for invoice, *_ in shown["invoices"]
        ),
        total=shown["total"],
        next=shown["next"],
    )


def show_invoice(visit: Visit) -> InvoiceDetailJson:
    """One invoice with its steps and its last check."""
    shown = invoices.show(visit).values
    invoice: RegisteredInvoice = shown["invoice"]
    return InvoiceDetailJson(
        **_invoice(invoice, visit.config),
        **attributes(invoice, "file_name digest size"),
        steps=tuple(
            InvoiceStepJson(
                **attributes(step, "number state by at reason reference"),
                paid_on=None if step.paid_on is None else str(step.paid_on),
            )
            for step in invoice.steps
        ),
        check=shown["check"],
        checked_at=shown["checked_at"],
        actions=tuple(shown["actions"]),
        trail=trail_json(shown["trail"]),
        version=str(len(invoice.steps)),
    )


def show_invoice_file(visit: Visit) -> FileJson:
    """The file of an invoice as it was received."""
    return file_json(invoices.download(visit))


def show_reports(visit: Visit) -> ReportsJson:
    """Reports that were made lately, and issued journals."""
    shown = reports.show(visit).values
    return ReportsJson(
        made=tuple(JobJson(**job_fields(job)) for job in shown["made"]),
        journals=tuple(_journal(journal) for journal in shown["journals"]),
        journal_count=shown["journal_count"],
    )


def _dispute(dispute: Dispute, visit: Visit) -> dict[str, Any]:
    exponents = visit.config.exponents(dispute.provider)
    return {
        "id": dispute.dispute_id,
        **attributes(dispute, "provider state note opened_by opened_at due_at"),
        "overdue": dispute.is_overdue(visit.now),
        "lines": len(dispute.lines),
        "sums": tuple(
            money(minor, currency, exponents)
            for currency, minor in disputes.sums_of(dispute).items()
        ),
    }


def _line(line: DisputeLine, dispute: Dispute, config: ConsoleConfig) -> DisputeLineJson:
    exponents, answer = config.exponents(dispute.provider), line.answer
    return DisputeLineJson(
        **attributes(line, "name break_id kind state"),
        round_key=line.round_id,
        difference=money(line.difference, line.currency, exponents),
        difference_now=money(line.difference_now, line.currency, exponents),
        answer=None if answer is None else answer.answer,
        reference=None if answer is None else answer.reference,
        comment=None if answer is None else answer.comment,
    )


def _claim(claim: DisputeClaim, config: ConsoleConfig) -> ClaimJson:
    exponents = config.exponents(claim.provider)
    return ClaimJson(
        **attributes(claim, "provider state age lines"),
        in_our_favour=money(claim.in_our_favour, claim.currency, exponents),
        in_their_favour=money(claim.in_their_favour, claim.currency, exponents),
    )


def _invoice(invoice: RegisteredInvoice, config: ConsoleConfig) -> dict[str, Any]:
    return {
        "id": invoice.invoice_id,
        **attributes(invoice, "provider number state received_at"),
        "fee": money(invoice.fee, invoice.currency, config.own_exponents),
        "first_day": str(invoice.first_day),
        "last_day": str(invoice.last_day),
        "summary": dict(invoices.last_summary(invoice)),
    }


def _journal(journal: IssuedJournal) -> JournalJson:
    return JournalJson(
        **attributes(journal, "number external_id narration version issued_at issued_by"),
        debit=MoneyJson(
            minor=journal.debit, currency=journal.key.currency, exponent=journal.digits
        ),
        lines=len(journal.lines),
    )


_INVOICE = Read(
    path="/invoices/{id}",
    summary="One invoice with its steps and its last check",
    tag="invoices",
    right=Right.READ,
    show=show_invoice,
    answer=InvoiceDetailJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/disputes",
        summary="Disputes and the money that is claimed",
        tag="disputes",
        right=Right.READ,
        show=list_disputes,
        answer=DisputeListJson,
        query=DisputeListQuery,
    ),
    Create(
        path="/disputes",
        summary="Open a dispute, if as many breaks fit as expected",
        tag="disputes",
        right=Right.DISPUTE,
        act=open_dispute,
        body=OpenDisputeBody,
        answer=DisputeDetailJson,
    ),
    Read(
        path="/disputes/{id}",
        summary="One dispute with its lines, answers and packs",
        tag="disputes",
        right=Right.READ,
        show=show_dispute,
        answer=DisputeDetailJson,
    ),
    Read(
        path="/disputes/{id}/packs/{number}",
        summary="A pack of a dispute, byte for byte",
        tag="disputes",
        right=Right.DISPUTE,
        show=show_pack,
        answer=FileJson,
    ),
    Read(
        path="/invoices",
        summary="Invoices, the newest first",
        tag="invoices",
        right=Right.READ,
        show=list_invoices,
        answer=InvoiceListJson,
        query=InvoiceListQuery,
    ),
    _INVOICE,
    Read(
        path="/invoices/{id}/file",
        summary="The file of an invoice as it was received",
        tag="invoices",
        right=Right.READ,
        show=show_invoice_file,
        answer=FileJson,
    ),
    Write(
        path="/invoices/{id}/dispute",
        summary="Dispute an invoice",
        tag="invoices",
        right=Right.RECORD_INVOICES,
        act=invoices.dispute,
        body=DisputeInvoiceBody,
        of=_INVOICE,
    ),
    Write(
        path="/invoices/{id}/pay",
        summary="Record that an approved invoice was paid",
        tag="invoices",
        right=Right.RECORD_INVOICES,
        act=invoices.pay,
        body=PayBody,
        of=_INVOICE,
    ),
    Read(
        path="/reports",
        summary="Reports that were made lately, and issued journals",
        tag="reports",
        right=Right.READ,
        show=show_reports,
        answer=ReportsJson,
    ),
)
