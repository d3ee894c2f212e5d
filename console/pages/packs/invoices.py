"""The register of invoices: receive, tie out, approve, dispute and pay."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection

from console.acting import actor_of, writers_for
from console.config import Visit
from console.pages.jobs.requesting import new_request_key, request
from console.pages.packs.uploads import one_file, table_fields
from console.pages.parameters import (
    provider_named,
    read_day,
    read_limit,
    read_month,
    read_text,
    required,
    zone_values,
)
from console.pages.stale_forms import stale_form
from console.rendering import MINUS
from console.replies import FileDownload, HtmlPage, SeeOther, not_found
from console.sentences import counted
from reconcile.invoices.register.states import InvoiceRequest, InvoiceState
from reconcile.invoices.register.store import (
    RegisteredInvoice,
    count_invoices,
    invoice_file,
    load_invoice,
    page_of_invoices,
    store_invoice_step,
)
from storage.audit import trail
from storage.jobs.queries import last_result
from storage.people import refused_people
from storage.transactions import transaction
from vocabulary.currencies import Exponents, digits_of
from vocabulary.errors import Malformed
from vocabulary.money import text_from_minor
from vocabulary.people import Right, are_two_people
from vocabulary.window import last_of_month

#: The kinds of jobs whose result has a check of an invoice.
CHECKING = ("invoice.receive", "invoice.check", "invoice.approve")
TEXT_CHARS_MAX = 4_000
#: What waits for somebody.
_WAITING = {
    InvoiceState.RECEIVED: "to be approved",
    InvoiceState.APPROVED: "to be paid",
    InvoiceState.DISPUTED: "disputed",
}


def show_all(visit: Visit) -> HtmlPage:
    """Every invoice, the newest first, and the form that receives one."""
    provider = visit.query.get("provider") or None
    if provider is not None:
        provider_named(visit.config, provider)
    with visit.console.readers.connect() as connection:
        page = page_of_invoices(
            connection,
            provider=provider,
            after=visit.query.get("after"),
            limit=read_limit(visit.query),
        )
        counts = count_invoices(connection, provider)
    values = {
        "sentence": _list_sentence(counts),
        "invoices": [
            (one, fee_text(one, visit.config.own_exponents), check_text(one))
            for one in page.invoices
        ],
        "after": visit.query.get("after"),
        "next": page.next,
        "total": sum(counts.values()),
        "provider": provider,
        "config": visit.config,
        "may": visit.signed_in.person.may(Right.RECORD_INVOICES),
        "request_key": new_request_key(),
    }
    return HtmlPage(template="packs/invoices.html", values=values)


def show(visit: Visit) -> HtmlPage:
    """One invoice: its claim beside our books, and what comes next."""
    with visit.console.readers.connect() as connection:
        invoice = _named(visit, connection)
        steps = trail(connection, f"invoice {invoice.invoice_id}")
        job = last_result(connection, CHECKING, "invoice", invoice.invoice_id)
    check = None if job is None or job.result is None else job.result.details["check"]
    values = {
        "sentence": _sentence(invoice),
        "invoice": invoice,
        "fee": fee_text(invoice, visit.config.own_exponents),
        "summary": last_summary(invoice),
        "check": check,
        "checked_at": None if job is None else job.finished_at,
        "trail": list(reversed(steps)),
        "actions": next_actions(invoice, visit),
        **zone_values(visit.config, invoice.provider),
        "request_key": new_request_key(),
        "today": visit.config.today(visit.now),
    }
    return HtmlPage(template="packs/invoice.html", values=values)


def download(visit: Visit) -> FileDownload:
    """The file as it was received; the browser stores it and never shows it."""
    with visit.console.readers.connect() as connection:
        invoice = _named(visit, connection)
        content = invoice_file(connection, invoice.invoice_id)
    return FileDownload(
        name=invoice.file_name, content_type="application/octet-stream", content=content
    )


def receive(visit: Visit) -> SeeOther:
    """Request that an uploaded invoice is registered and checked."""
    slug = required(visit.form, "provider", "the provider whose invoice it is")
    first, last = _period(visit.form)
    arguments = {
        "provider": provider_named(visit.config, slug).slug,
        "first": str(first),
        "last": str(last),
        "number": visit.form.get("number", "").strip(),
        **table_fields(visit),
    }
    return request(visit, "invoice.receive", arguments, files=[one_file(visit)])


def check(visit: Visit) -> SeeOther:
    """Request a check by the books as they are now."""
    with visit.console.readers.connect() as connection:
        invoice = _named(visit, connection)
    return request(visit, "invoice.check", {"invoice": invoice.invoice_id})


def approve(visit: Visit) -> SeeOther:
    """Request the approval, which checks the invoice again."""
    invoice = _as_seen(visit)
    arguments = {
        "invoice": invoice.invoice_id,
        "steps": len(invoice.steps),
        "reason": read_text(visit.form, "reason", most=TEXT_CHARS_MAX),
    }
    return request(visit, "invoice.approve", arguments)


def dispute(visit: Visit) -> SeeOther:
    """Dispute the invoice, with what is wrong."""
    wrong = "what is wrong with it"
    reason = read_text(visit.form, "reason", most=TEXT_CHARS_MAX, meaning=wrong)
    return _take(visit, state=InvoiceState.DISPUTED, reason=reason)


def pay(visit: Visit) -> SeeOther:
    """Record that the approved invoice was paid."""
    paid_on = read_day(required(visit.form, "paid_on", "the day of the payment"))
    meaning = "the reference of the payment"
    reference = read_text(visit.form, "reference", most=TEXT_CHARS_MAX, meaning=meaning)
    return _take(visit, state=InvoiceState.PAID, paid_on=paid_on, reference=reference)


def next_actions(invoice: RegisteredInvoice, visit: Visit) -> list[str]:
    """What the person may do with it now; nobody approves what they received."""
    person, state = visit.signed_in.person, invoice.state
    actions = []
    is_other = are_two_people(invoice.steps[0].eyes, actor_of(person).eyes)
    is_undecided = state in {InvoiceState.RECEIVED, InvoiceState.DISPUTED}
    if is_undecided and is_other and person.may(Right.APPROVE_INVOICES):
        actions.append("approve")
    if not person.may(Right.RECORD_INVOICES):
        return actions
    if state is not InvoiceState.PAID:
        actions.append("check")
    if state in {InvoiceState.RECEIVED, InvoiceState.APPROVED}:
        actions.append("dispute")
    if state is InvoiceState.APPROVED:
        actions.append("pay")
    return actions


def fee_text(invoice: RegisteredInvoice, exponents: Exponents) -> str:
    """The claimed fee as decimal text."""
    return text_from_minor(invoice.fee, digits_of(invoice.currency, exponents))


def last_summary(invoice: RegisteredInvoice) -> Mapping[str, Any]:
    """What the last check that the register keeps found."""
    return next(step.checked for step in reversed(invoice.steps) if step.checked is not None)


def check_text(invoice: RegisteredInvoice) -> str:
    """What the last check found, in a few words."""
    summary = last_summary(invoice)
    if not summary["ties"]:
        return "does not tie"
    return "days not signed" if summary["unsigned"] else "ties"


def _take(visit: Visit, **step: Any) -> SeeOther:
    invoice, person = _as_seen(visit), visit.signed_in.person
    actor = actor_of(person)
    step_request = InvoiceRequest(by=person.name, eyes=actor.eyes, **step)
    today = visit.config.today(visit.now)
    engine = writers_for(visit.console, person)
    with refused_people(), transaction(engine, "invoices") as connection:
        store_invoice_step(connection, invoice, step_request, today)
    return SeeOther(path=f"/invoices/{invoice.invoice_id}?done=saved")


def _as_seen(visit: Visit) -> RegisteredInvoice:
    """The invoice, if nobody took a step since its page was opened."""
    with visit.console.readers.connect() as connection:
        invoice = _named(visit, connection)
    if visit.form.get("version") != str(len(invoice.steps)):
        raise stale_form(
            visit,
            subject="The invoice",
            what=f"{invoice.provider} {invoice.number}",
            back=f"/invoices/{invoice.invoice_id}",
            now_is=_sentence(invoice),
        )
    return invoice


def _named(visit: Visit, connection: Connection) -> RegisteredInvoice:
    name = visit.path["id"]
    invoice = None if "\0" in name else load_invoice(connection, name)
    if invoice is None:
        raise not_found("invoice", name)
    return invoice


def _period(form: Mapping[str, str]) -> tuple[date, date]:
    """The month that a form names, or its first and last day."""
    month = read_month(form.get("month"))
    if month is not None:
        return month, last_of_month(month)
    first, last = read_day(form.get("first")), read_day(form.get("last"))
    if first is None or last is None:
        raise Malformed("month", "a month, or a first and a last day, are expected")
    return first, last


def _list_sentence(counts: Mapping[InvoiceState, int]) -> str:
    if not counts:
        return "No invoice was received yet."
    parts = [
        f"{counted(counts[state], 'invoice')} {words}"
        for state, words in _WAITING.items()
        if counts.get(state)
    ]
    return f"{', '.join(parts)}." if parts else "Every invoice is paid."


def _sentence(invoice: RegisteredInvoice) -> str:
    summary, step = last_summary(invoice), invoice.steps[-1]
    claimed = f"it claims {summary['claimed']} {invoice.currency}"
    if summary["ties"]:
        what = f"{claimed}, as we compute"
    elif summary["claimed"] == summary["ours"]:
        unposted = summary.get("unposted")
        why = f"{counted(unposted, 'batch')} had to be posted" if unposted else "lines differ"
        what = f"{claimed}, as we compute, but {why}"
    else:
        difference = summary["difference"].replace("-", MINUS)
        what = f"{claimed}, we compute {summary['ours']}, difference {difference}"
    return f"{invoice.provider} {invoice.number} is {invoice.state} by {step.by}: {what}."
