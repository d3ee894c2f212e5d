"""Invoices of the register in words, as a table and as JSON."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import typer

from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next, print_next_for_another
from ops.commands.tables import text, wide_table
from reconcile.invoices.register.states import InvoiceState, InvoiceStep
from reconcile.invoices.register.store import RegisteredInvoice
from vocabulary.clock import iso
from vocabulary.currencies import Exponents
from vocabulary.plurals import counted
from vocabulary.window import last_of_month

_COLUMNS = ("id", "provider", "number", "period", "state", "check", "fee")
#: Digits of an id in a list; enough to name it.
_ID_CHARS = 12


def print_invoices(
    invoices: Iterable[RegisteredInvoice], exponents: Exponents, *, as_json: bool
) -> None:
    """Print invoices, one line each; ``exponents``: as ``own_exponents`` has them."""
    if as_json:
        print_json([invoice_json(one, exponents) for one in invoices], indent=2, instant=iso)
    else:
        wide_table(
            _COLUMNS, (_cells(one, exponents) for one in invoices), left=6, empty="no invoice"
        )


def print_taken_step(
    invoice: RegisteredInvoice, exponents: Exponents, *, as_json: bool
) -> None:
    """Print an invoice after a step, with the command of the one that follows."""
    print_invoice(invoice, exponents, as_json=as_json)
    if as_json:
        return
    name = invoice.invoice_id[:_ID_CHARS]
    state, clean = invoice.state, invoice.steps[-1].clean
    if state is InvoiceState.APPROVED:
        print_next(f"tieout invoice pay {name} --date DAY --reference TEXT")
    elif state in {InvoiceState.RECEIVED, InvoiceState.DISPUTED}:
        reason = "" if state is InvoiceState.RECEIVED and clean else " --reason WHY"
        print_next_for_another(f"tieout invoice approve {name}{reason}")


def print_invoice(invoice: RegisteredInvoice, exponents: Exponents, *, as_json: bool) -> None:
    """Print one invoice with what was done to it."""
    if as_json:
        print_json(invoice_json(invoice, exponents), indent=2, instant=iso)
        return
    print_invoices([invoice], exponents, as_json=False)
    typer.echo(
        f"{invoice.invoice_id}, file {invoice.file_name}, {counted(invoice.size, 'byte')},"
    )
    typer.echo(f"BLAKE2b {invoice.digest}")
    for step in invoice.steps:
        typer.echo(_step_line(step))


def invoice_json(invoice: RegisteredInvoice, exponents: Exponents) -> dict[str, Any]:
    """An invoice as ``--json`` prints it; amounts are decimal text."""
    return {
        "id": invoice.invoice_id,
        "provider": invoice.provider,
        "number": invoice.number,
        "state": invoice.state,
        "currency": invoice.currency,
        "fee": text(invoice.fee, invoice.currency, exponents),
        "period": {"first": invoice.first_day, "last": invoice.last_day},
        "received_at": invoice.received_at,
        "file": {
            "name": invoice.file_name,
            "blake2b": invoice.digest,
            "size": invoice.size,
        },
        "steps": [
            {
                "number": step.number,
                "action": step.state,
                "by": step.by,
                "at": step.at,
                "reason": step.reason,
                "clean": step.clean,
                "check": step.checked,
                "paid_on": step.paid_on,
                "reference": step.reference,
            }
            for step in invoice.steps
        ],
    }


def _cells(invoice: RegisteredInvoice, exponents: Exponents) -> list[str]:
    return [
        *(invoice.invoice_id[:_ID_CHARS], invoice.provider, invoice.number),
        _period_text(invoice.first_day, invoice.last_day),
        *(str(invoice.state), _check_text(invoice)),
        f"{text(invoice.fee, invoice.currency, exponents)} {invoice.currency}",
    ]


def _period_text(first: date, last: date) -> str:
    """A month or a day by its name, as ``--period`` takes it; else its first and last day."""
    if first == last:
        return str(first)
    is_month = first.day == 1 and last == last_of_month(first)
    return f"{first:%Y-%m}" if is_month else f"{first}..{last}"


def _check_text(invoice: RegisteredInvoice) -> str:
    """What the last check found."""
    checks = [step.checked for step in invoice.steps if step.checked is not None]
    if not checks[-1]["ties"]:
        return "does not tie"
    return "unsigned days" if checks[-1]["unsigned"] else "ties"


def _step_line(step: InvoiceStep) -> str:
    parts = [f"{iso(step.at)} {step.state} by {step.by}"]
    if step.checked is not None:
        check = step.checked
        parts.append(f"claimed {check['claimed']}, ours {check['ours']}")
        if check["unsigned"]:
            days = ", ".join(f"{day} ({state})" for day, state in check["unsigned"].items())
            parts.append(f"days not signed: {days}")
    if step.paid_on is not None:
        parts.append(f"on {step.paid_on}, reference {step.reference}")
    return "; ".join([*parts, *filter(None, [step.reason])])
