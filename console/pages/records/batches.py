"""One batch: the operations that were committed together, and whether they are posted."""

from console.addresses import address
from console.config import Visit
from console.pages.parameters import read_number
from console.replies import HtmlPage, not_found
from ledger.queries.batches import (
    batch_numbered,
    operations_of_batch,
    parking_of,
    requests_of_batch,
)
from storage.archive.row_cut import rows_begin_at
from vocabulary.errors import Malformed
from vocabulary.ids import transaction_position

#: Operations on one page, and requests that are listed.
PAGE_ROWS = 100


def show(visit: Visit) -> HtmlPage:
    """The batch with one page of its operations."""
    number = read_number("batch", visit.path["id"])
    after = _after(visit.query.get("after"))
    with visit.console.readers.connect() as connection:
        batch = batch_numbered(connection, number)
        if batch is None:
            raise not_found("batch", visit.path["id"])
        operations = operations_of_batch(connection, number, after=after, limit=PAGE_ROWS + 1)
        requests = requests_of_batch(connection, number, limit=PAGE_ROWS)
        parking = parking_of(connection, number)
        cut = rows_begin_at(connection)
    listed = operations[:PAGE_ROWS]
    is_more = len(operations) > PAGE_ROWS
    values = {
        "batch": batch,
        "operations": listed,
        "requests": requests,
        "is_cut": cut is not None and batch.committed_at < cut,
        "parking": parking,
        "next": address("batches", number, after=listed[-1].transaction) if is_more else "",
        "exponents_by": visit.config.exponents,
    }
    return HtmlPage(template="records/batch.html", values=values)


def _after(text: str | None) -> tuple[int, int]:
    if not text:
        return 0, 0
    try:
        return transaction_position(text)[:2]
    except ValueError as error:
        raise Malformed("after", "the link to another page is expected") from error
