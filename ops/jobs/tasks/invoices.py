"""Invoices, as ``tieout invoice receive``, ``check`` and ``approve`` take them."""

from typing import Any
from zoneinfo import ZoneInfo

from ops.finance.invoices import RegisterCheck, check_for_register, read_claims
from ops.jobs.kinds.invoices import ApproveArguments, InvoiceArguments, ReceiveArguments
from ops.jobs.providers import entry_of
from ops.jobs.tasks.uploaded import only_file, table_rules
from ops.jobs.work import JobRun
from reconcile.invoices.register.states import InvoiceRefused, InvoiceRequest, InvoiceState
from reconcile.invoices.register.store import (
    NewInvoice,
    RegisteredInvoice,
    load_invoice,
    receive_invoice,
    store_invoice_step,
)
from reconcile.invoices.render import check_json
from storage.jobs.model import JobLink, JobResult
from storage.people import refused_people
from storage.transactions import transaction
from vocabulary.errors import Malformed

#: Rounds of one line that a result keeps; the command line has all.
ROUNDS_MAX = 200


def receive(run: JobRun) -> JobResult:
    """Register an invoice, keep its file and check it."""
    arguments = run.arguments
    assert isinstance(arguments, ReceiveArguments)
    entry, file = entry_of(run.settings, arguments.provider), only_file(run)
    rules = table_rules(arguments.decimal, arguments.thousands, arguments.encoding)
    data = run.read(file)
    claimed = read_claims(entry, data, file.name, rules)
    number = arguments.number.strip() or claimed.name
    if not number.strip() or not number.isprintable():
        raise Malformed("number", "the provider's number of the invoice is expected")
    run.progress("comparing it with the books")
    checked = check_for_register(
        run.engine,
        run.endpoints.database_url,
        entry,
        claimed,
        first=arguments.first,
        last=arguments.last,
        clock=run.clock,
    )
    invoice = NewInvoice(
        claimed=claimed,
        provider=entry.slug,
        number=number,
        first=arguments.first,
        last=arguments.last,
        file_name=file.name,
        file=data,
    )
    request = InvoiceRequest(
        state=InvoiceState.RECEIVED,
        by=run.by,
        eyes=run.actor.eyes,
        check=checked.summary,
    )
    with transaction(run.engine, "invoices") as connection:
        invoice_id = receive_invoice(connection, invoice, request)
    return _result(f"{entry.slug} {number} is received", invoice_id, checked)


def check(run: JobRun) -> JobResult:
    """Check a registered invoice by the books as they are now; nothing is stored but that."""
    arguments = run.arguments
    assert isinstance(arguments, InvoiceArguments)
    invoice = _named(run, arguments.invoice)
    checked = _checked(run, invoice)
    return _result(f"{invoice.provider} {invoice.number}", invoice.invoice_id, checked)


def approve(run: JobRun) -> JobResult:
    """Check an invoice again and approve it, unless it changed since it was seen."""
    arguments = run.arguments
    assert isinstance(arguments, ApproveArguments)
    invoice = _named(run, arguments.invoice)
    if len(invoice.steps) != arguments.steps:
        raise InvoiceRefused(f"it is {invoice.state} by {invoice.steps[-1].by} meanwhile")
    checked = _checked(run, invoice)
    request = InvoiceRequest(
        state=InvoiceState.APPROVED,
        by=run.by,
        eyes=run.actor.eyes,
        reason=arguments.reason,
        check=checked.summary,
    )
    today = run.clock.now().astimezone(ZoneInfo(run.settings.reporting.zone)).date()
    with refused_people(), transaction(run.engine, "invoices") as connection:
        store_invoice_step(connection, invoice, request, today)
    name = f"{invoice.provider} {invoice.number} is approved"
    return _result(name, invoice.invoice_id, checked)


def _named(run: JobRun, invoice_id: str) -> RegisteredInvoice:
    with run.engine.connect() as connection:
        invoice = load_invoice(connection, invoice_id)
    if invoice is None:
        raise Malformed("invoice", f"there is no invoice {invoice_id}")
    return invoice


def _checked(run: JobRun, invoice: RegisteredInvoice) -> RegisterCheck:
    run.progress("comparing it with the books")
    return check_for_register(
        run.engine,
        run.endpoints.database_url,
        entry_of(run.settings, invoice.provider),
        invoice.claimed,
        first=invoice.first_day,
        last=invoice.last_day,
        clock=run.clock,
    )


def _result(event: str, invoice_id: str, checked: RegisterCheck) -> JobResult:
    finding = checked.summary.doubts or "it ties, and every day is signed"
    return JobResult(
        summary=f"{event}: {finding}.",
        links=(JobLink(path=f"/invoices/{invoice_id}", text="The invoice"),),
        details={"invoice": invoice_id, "check": _check_json(checked)},
    )


def _check_json(checked: RegisterCheck) -> dict[str, Any]:
    invoiced = checked.invoiced
    document = check_json(invoiced.check, invoiced.totals, invoiced.exponents)
    for line in document["lines"]:
        line["rounds_in_all"] = len(line["rounds"])
        line["rounds"] = line["rounds"][:ROUNDS_MAX]
    return document
