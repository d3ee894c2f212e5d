"""Invoices and their steps in the database; nothing of them is ever changed.

Tables written: ``invoices``, ``invoice_steps``, ``audit``.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import blake2b
from operator import itemgetter
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from reconcile.invoices.claims import Claim, Invoice
from reconcile.invoices.register.numbers import number_key
from reconcile.invoices.register.states import (
    InvoiceRefused,
    InvoiceRequest,
    InvoiceState,
    InvoiceStep,
    check_invoice_step,
)
from storage.audit import record
from vocabulary.cursors import cut_page, parts_of

_INSERT = """
INSERT INTO invoices (invoice_id, provider, number, number_key, currency, fee, first_day,
                      last_day, claims, file_name, digest, file)
VALUES (:invoice_id, :provider, :number, :key, :currency, :fee, :first, :last,
        CAST(:claims AS jsonb), :file_name, :digest, :file)
"""
_KNOWN = """
SELECT invoice_id, number FROM invoices
 WHERE provider = :provider AND (number_key = :key OR digest = :digest) LIMIT 1
"""
_SELECT = """
SELECT invoice_id, provider, number, currency, fee, first_day, last_day, claims, file_name,
       encode(digest, 'hex') AS digest, octet_length(file) AS size, received_at
  FROM invoices
"""
_BY_ID = f"{_SELECT} WHERE invoice_id = :invoice_id"
_LIST = f"""
{_SELECT} WHERE (CAST(:provider AS text) IS NULL OR provider = :provider)
 ORDER BY received_at, invoice_id
"""
_PAGE = f"""
{_SELECT} WHERE (CAST(:provider AS text) IS NULL OR provider = :provider)
   AND (CAST(:before AS timestamptz) IS NULL
        OR (received_at, invoice_id) < (CAST(:before AS timestamptz), :before_id))
 ORDER BY received_at DESC, invoice_id DESC LIMIT :limit
"""
_COUNTS = """
SELECT state, count(*) AS invoices
  FROM (SELECT DISTINCT ON (s.invoice_id) s.action AS state
          FROM invoice_steps s JOIN invoices USING (invoice_id)
         WHERE CAST(:provider AS text) IS NULL OR provider = :provider
         ORDER BY s.invoice_id, s.number DESC) last_steps
 GROUP BY state
"""
_STEPS = """
SELECT * FROM invoice_steps WHERE invoice_id = ANY(CAST(:ids AS text[]))
 ORDER BY invoice_id, number
"""
_BY_NUMBER = """
SELECT invoice_id, provider FROM invoices
 WHERE number_key = :key AND (CAST(:provider AS text) IS NULL OR provider = :provider)
 ORDER BY provider
"""
_FILE = "SELECT file FROM invoices WHERE invoice_id = :invoice_id"
_INSERT_STEP = """
INSERT INTO invoice_steps (invoice_id, number, action, by_name, eyes, reason, clean, checked,
                           paid_on, reference)
VALUES (:invoice_id, :step, :action, :by, :eyes, :reason, :clean, CAST(:checked AS jsonb),
        :paid_on, :reference)
"""


# The console may insert only these columns: a step that rests on a check is none of its.
_INSERT_DECISION = """
INSERT INTO invoice_steps (invoice_id, number, action, by_name, eyes, reason, paid_on,
                           reference)
VALUES (:invoice_id, :step, :action, :by, :eyes, :reason, :paid_on, :reference)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvoice:
    """An invoice as it is received.

    Attributes:
        claimed: what it claims.
        number: the provider's own.
        first, last: the covered period, both included.
        file: its bytes.
    """

    claimed: Invoice
    provider: str
    number: str
    first: date
    last: date
    file_name: str
    file: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredInvoice:
    """An invoice of the register with everything that was done to it.

    Attributes:
        fee: what it claims, minor units of ``currency``.
        claims: the lines behind it.
        digest: BLAKE2b of the file, in hex.
        size: of the file, in bytes.
    """

    invoice_id: str
    provider: str
    number: str
    currency: str
    fee: int
    first_day: date
    last_day: date
    claims: tuple[Claim, ...]
    file_name: str
    digest: str
    size: int
    received_at: datetime
    steps: tuple[InvoiceStep, ...]

    @property
    def state(self) -> InvoiceState:
        """The state that the last step led to."""
        return self.steps[-1].state

    @property
    def claimed(self) -> Invoice:
        """What it claims, as it was read from its file."""
        return Invoice(
            name=self.number, currency=self.currency, claims=self.claims, fee=self.fee
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePage:
    """One page of invoices; ``next`` is the cursor of the next one, None after the last."""

    invoices: tuple[RegisteredInvoice, ...]
    next: str | None


def receive_invoice(
    connection: Connection, invoice: NewInvoice, request: InvoiceRequest
) -> str:
    """Register an invoice and keep its file; returns its id.

    Raises:
        InvoiceRefused: the provider's number or the same file is in the register already.
    """
    digest = blake2b(invoice.file, digest_size=32).digest()
    params = {
        "invoice_id": f"inv-{uuid4().hex}",
        "provider": invoice.provider,
        "number": " ".join(invoice.number.split()),
        "key": number_key(invoice.number),
        "digest": digest,
        "currency": invoice.claimed.currency,
        "fee": invoice.claimed.fee,
        "claims": json.dumps([asdict(claim) for claim in invoice.claimed.claims]),
        "first": invoice.first,
        "last": invoice.last,
        "file_name": invoice.file_name,
        "file": invoice.file,
    }
    try:
        with connection.begin_nested():
            connection.execute(text(_INSERT), params)
    except IntegrityError as error:
        earlier = connection.execute(text(_KNOWN), params).one_or_none()
        if earlier is None:
            raise
        raise InvoiceRefused(
            f"{invoice.provider} {invoice.number} was received already, as {earlier.number}"
            f" ({earlier.invoice_id}); each number and each file is registered once"
        ) from error
    invoice_id = str(params["invoice_id"])
    _insert_step(connection, invoice_id, 1, request)
    return invoice_id


def store_invoice_step(
    connection: Connection, invoice: RegisteredInvoice, request: InvoiceRequest, today: date
) -> None:
    """Take a step with its audit row, in the caller's transaction.

    Raises:
        InvoiceRefused: the rules do not allow it.
        IntegrityError: the database does not; see ``storage.people.refused_people``.
    """
    number = check_invoice_step(invoice.steps, request, today)
    _insert_step(connection, invoice.invoice_id, number, request)


def load_invoice(connection: Connection, invoice_id: str) -> RegisteredInvoice | None:
    """An invoice by its id."""
    rows = connection.execute(text(_BY_ID), {"invoice_id": invoice_id}).mappings().all()
    return next(iter(_with_steps(connection, rows)), None)


def list_invoices(connection: Connection, provider: str | None) -> list[RegisteredInvoice]:
    """The invoices of a provider, or all, in the order of their receipt."""
    rows = connection.execute(text(_LIST), {"provider": provider}).mappings().all()
    return _with_steps(connection, rows)


def page_of_invoices(
    connection: Connection, *, provider: str | None, after: str | None, limit: int
) -> InvoicePage:
    """The invoices that follow a cursor, the newest first, at most ``limit``.

    Raises:
        Malformed: the cursor is none of ours.
    """
    before, before_id = parts_of(after, datetime, str) or (None, None)
    params = {
        "provider": provider,
        "before": before,
        "before_id": before_id,
        "limit": limit + 1,
    }
    rows = connection.execute(text(_PAGE), params).mappings().all()
    shown, cursor = cut_page(rows, limit, itemgetter("received_at", "invoice_id"))
    return InvoicePage(invoices=tuple(_with_steps(connection, shown)), next=cursor)


def count_invoices(connection: Connection, provider: str | None) -> dict[InvoiceState, int]:
    """How many invoices of a provider, or of all, are in each state."""
    rows = connection.execute(text(_COUNTS), {"provider": provider})
    return {InvoiceState(row.state): row.invoices for row in rows}


def ids_of_number(
    connection: Connection, number: str, provider: str | None
) -> list[tuple[str, str]]:
    """The ids of the invoices with a number, each with its provider."""
    params = {"key": number_key(number), "provider": provider}
    rows = connection.execute(text(_BY_NUMBER), params)
    return [(row.invoice_id, row.provider) for row in rows]


def invoice_file(connection: Connection, invoice_id: str) -> bytes:
    """The file as it was received."""
    return bytes(connection.execute(text(_FILE), {"invoice_id": invoice_id}).scalar_one())


def _insert_step(
    connection: Connection, invoice_id: str, number: int, request: InvoiceRequest
) -> None:
    checked = None if request.check is None else asdict(request.check)
    params = {
        "invoice_id": invoice_id,
        "step": number,
        "action": str(request.state),
        "by": request.by,
        "eyes": sorted(request.eyes),
        "reason": request.reason.strip(),
        "clean": None if request.check is None else request.check.is_clean,
        "checked": None if checked is None else json.dumps(checked),
        "paid_on": request.paid_on,
        "reference": None if request.reference is None else request.reference.strip(),
    }
    insert = _INSERT_DECISION if request.check is None else _INSERT_STEP
    connection.execute(text(insert), params)
    detail = {
        "step": number,
        "reason": params["reason"],
        "clean": params["clean"],
        "paid_on": None if request.paid_on is None else str(request.paid_on),
        "reference": params["reference"],
    }
    record(connection, request.by, f"invoice.{request.state}", f"invoice {invoice_id}", detail)


def _with_steps(
    connection: Connection, rows: Sequence[Mapping[Any, Any]]
) -> list[RegisteredInvoice]:
    ids = [row["invoice_id"] for row in rows]
    steps = defaultdict(list)
    for row in connection.execute(text(_STEPS), {"ids": ids}).mappings():
        steps[row["invoice_id"]].append(_step(row))
    return [_invoice(row, tuple(steps[row["invoice_id"]])) for row in rows]


def _invoice(row: Mapping[Any, Any], steps: tuple[InvoiceStep, ...]) -> RegisteredInvoice:
    columns = {str(name): value for name, value in row.items()}
    claims = tuple(Claim(**claim) for claim in columns.pop("claims"))
    return RegisteredInvoice(**columns, claims=claims, steps=steps)


def _step(row: Mapping[Any, Any]) -> InvoiceStep:
    return InvoiceStep(
        number=row["number"],
        state=InvoiceState(row["action"]),
        by=row["by_name"],
        eyes=frozenset(row["eyes"]),
        at=row["at"],
        reason=row["reason"],
        clean=row["clean"],
        checked=row["checked"],
        paid_on=row["paid_on"],
        reference=row["reference"],
    )
