"""Look up invoices of the register by id, number or file name."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from reconcile.invoices.register.store import number_key
from reports.find.hits import Hit, SearchScope
from reports.find.lookup import at, fetch, slugs
from reports.find.query import Candidate, FoundKind

_INVOICE = """
SELECT i.invoice_id, i.provider, i.number, i.currency, i.fee, i.first_day, i.last_day,
       i.file_name, i.received_at, s.action, s.by_name, s.at
  FROM invoices i
 CROSS JOIN LATERAL (SELECT action, by_name, at FROM invoice_steps s
                      WHERE s.invoice_id = i.invoice_id ORDER BY number DESC LIMIT 1) s
 {where} ORDER BY i.received_at, i.invoice_id LIMIT :limit
"""
_BY_ID = _INVOICE.format(where="WHERE i.invoice_id >= :text AND i.invoice_id < :beyond")
_BY_NAME = _INVOICE.format(
    where="WHERE i.provider = ANY(CAST(:slugs AS text[]))"
    " AND (i.number_key = :key OR i.file_name = :text)"
)


def by_id(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Invoices by their id, or its prefix."""
    parameters = {"text": candidate.text, "beyond": candidate.end, "limit": scope.limit}
    return [
        _invoice(row, scope, exact=row["invoice_id"] == candidate.text)
        for row in fetch(connection, _BY_ID, parameters)
    ]


def by_name(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Invoices by the provider's number, however it is spelt, or by the file's name."""
    parameters = {
        "slugs": slugs(scope),
        "key": number_key(candidate.text),
        "text": candidate.text,
        "limit": scope.limit,
    }
    rows = fetch(connection, _BY_NAME, parameters)
    return [_invoice(row, scope, exact=True) for row in rows]


def _invoice(row: Mapping[str, Any], scope: SearchScope, *, exact: bool) -> Hit:
    fee = scope.money(row["fee"], row["currency"], None)
    return Hit(
        kind=FoundKind.INVOICE,
        id=row["invoice_id"],
        provider=row["provider"],
        summary=f"invoice {row['number']} of {row['provider']}: {fee}, {row['action']}",
        facts={
            "period": f"{row['first_day']} to {row['last_day']}",
            "received": f"{at(row['received_at'])}, file {row['file_name']}",
            "last step": f"{row['action']} by {row['by_name']} at {at(row['at'])}",
        },
        next=(f"tieout invoice show {row['invoice_id']}",),
        exact=exact,
    )
