"""One operation: what it moved, the bytes that asked for it, our reply, and what followed."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from console.addresses import address
from console.config import Visit
from console.pages.parameters import read_name, read_number, zone_values
from console.pages.records.evidence import (
    ShownBytes,
    file_of,
    header_lines,
    signature_of,
)
from console.replies import FileDownload, HtmlPage, RequestRefused, away, not_found
from ledger.enums import OperationKind
from ledger.queries.operations import (
    EvidenceBytes,
    OperationDetail,
    entries_of,
    operation_at,
    operation_bytes,
    repeats_of,
    request_bytes,
    request_numbered,
    transaction_of_key,
)
from ledger.queries.restores import RestoreLoss, loss_of
from storage.archive.row_cut import is_position_away
from vocabulary.ids import TransactionPosition, transaction_position

_SIDES = ("request", "reply")
_AWAY = (
    "it left the database with its month. `tieout archive recall` brings it back by the"
    " provider's id of it, or of its round."
)


def show(visit: Visit) -> HtmlPage:
    """The operation with our transaction id."""
    position = _position(visit)
    with visit.console.readers.connect() as connection:
        operation = operation_at(connection, position)
        # Its row may leave between the two readings.
        evidence = None if operation is None else operation_bytes(connection, position)
        if operation is None or evidence is None:
            raise _missing(visit, connection, position)
        values = _values(visit, connection, operation, evidence)
    return HtmlPage(template="records/operation.html", values=values)


def download(visit: Visit) -> FileDownload:
    """All bytes of its request or of our reply."""
    side, position = _side(visit), _position(visit)
    with visit.console.readers.connect() as connection:
        evidence = operation_bytes(connection, position)
        if evidence is None:
            raise _missing(visit, connection, position)
    return file_of(evidence, side, visit.path["id"])


def show_request(visit: Visit) -> HtmlPage:
    """A request that became no operation."""
    number = read_number("request", visit.path["id"])
    with visit.console.readers.connect() as connection:
        request = request_numbered(connection, number)
        evidence = request_bytes(connection, number)
        if request is None or evidence is None:
            raise not_found("request", visit.path["id"])
        key = request.op_key
        of = None if key is None else transaction_of_key(connection, request.provider, key)
    values = {
        "request": request,
        "operation": of,
        "headers": header_lines(request.headers),
        "signature": signature_of(visit.config, request.provider, evidence, is_ours=False),
        "bytes": [
            ShownBytes(title=title, content=content, address=address("requests", number, side))
            for title, content, side in (
                ("Received", request.body, "request"),
                ("Answered", request.reply, "reply"),
            )
        ],
        **zone_values(visit.config, request.provider),
    }
    return HtmlPage(template="records/request.html", values=values)


def download_request(visit: Visit) -> FileDownload:
    """All bytes of a request that became no operation, or of our reply."""
    side, number = _side(visit), read_number("request", visit.path["id"])
    with visit.console.readers.connect() as connection:
        evidence = request_bytes(connection, number)
    if evidence is None:
        raise not_found("request", visit.path["id"])
    return file_of(evidence, side, f"request-{number}")


def _values(
    visit: Visit, connection: Connection, operation: OperationDetail, evidence: EvidenceBytes
) -> dict[str, Any]:
    wallet, seq = operation.wallet_id, operation.wallet_seq
    is_ours = operation.kind == OperationKind.ADJUSTMENT
    return {
        "operation": operation,
        "entries": entries_of(connection, wallet, seq),
        "repeats": repeats_of(connection, operation.provider, operation.op_key),
        "undone": _named(connection, operation, operation.reverses),
        "named": _named(connection, operation, operation.refers_to),
        "headers": header_lines(operation.headers),
        "signature": signature_of(visit.config, operation.provider, evidence, is_ours=is_ours),
        "bytes": [
            ShownBytes(
                title=title,
                content=content,
                address=address("operations", operation.transaction, side),
            )
            for title, content, side in (
                ("Received", operation.body, "request"),
                ("Answered", operation.reply, "reply"),
            )
        ],
        "exponents": visit.config.exponents(operation.provider),
        **zone_values(visit.config, operation.provider),
    }


def _named(
    connection: Connection, operation: OperationDetail, key: str | None
) -> tuple[str, str | None] | None:
    """The key of another operation of the provider with our id of it, if it is stored."""
    if key is None:
        return None
    return key, transaction_of_key(connection, operation.provider, key)


def _position(visit: Visit) -> TransactionPosition:
    try:
        return transaction_position(read_name("operation", visit.path["id"]))
    except ValueError as error:
        raise _unknown(visit) from error


def _side(visit: Visit) -> str:
    side = visit.path["side"]
    if side not in _SIDES:
        raise not_found("page", visit.url)
    return side


def _missing(
    visit: Visit, connection: Connection, position: TransactionPosition
) -> RequestRefused:
    """Why there is no operation at a position: it left for an archive, or never was."""
    if is_position_away(connection, position.wallet_id, position.wallet_seq):
        return away("operation", _AWAY)
    return _unknown(visit, loss_of(connection, position))


def _unknown(visit: Visit, loss: RestoreLoss | None = None) -> RequestRefused:
    refusal = not_found("operation", visit.path["id"])
    return refusal if loss is None else replace(refusal, why=loss.text)
