"""Lists of the platform's API, page by page: read to their announced end, or an error."""

from collections.abc import Set
from dataclasses import dataclass, field
from hashlib import blake2b

from providers.outbound.pull import REPEATED_PAGE
from providers.outbound.replies import (
    Document,
    count_at,
    member,
    name_at,
    object_at,
    read_items,
)
from providers.wire.decode import Json
from providers.wire.fields import one_of
from vocabulary.errors import Malformed

#: Items of one page; the webhook log allows no more.
PAGE_ITEMS = 100
#: Most pages of one list; beyond a million items, ask for fewer days.
PAGES_MAX = 10_000
#: The number of the first page, which no document states.
PAGE_FIRST = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a list: its id and its whole document.

    Attributes:
        place: where it stood, such as ``page 2, data[4]``.
        document: as received, numbers as sent. May hold secrets and personal data.
    """

    item_id: str
    place: str
    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One expected page of a list.

    Attributes:
        count: items of the pages before it.
        is_last: no page may follow it.
        before: digests of the pages before it, see ``digest_of``.
        total: the items that the page before it announced in all.
    """

    number: int
    id_field: str
    count: int
    is_last: bool
    before: Set[bytes] = frozenset()
    total: int = 0

    def read(self, document: Json) -> tuple[tuple[Item, ...], int]:
        """Its items, and how many the list announces in all.

        Raises:
            Malformed: another page, one of those before again, too many items, a list that
                became shorter, or one that ends before the announced number.
        """
        items = read_items(data_of(document), "data", self._item)
        paging = member(document, "pagination")
        if count_at(paging, "pageIndex", "pagination") != self.number:
            raise Malformed("pagination.pageIndex", "the page asked for is expected")
        # A single item may move to the next page between two requests; a whole page cannot.
        if len(items) > 1 and digest_of(items) in self.before:
            raise Malformed("data", REPEATED_PAGE)
        total = count_at(paging, "totalCount", "pagination")
        if total < self.total:
            # Items behind one that was removed moved forward, perhaps to a page read already.
            raise Malformed(
                "pagination.totalCount", "a list that becomes no shorter is expected"
            )
        so_far = self.count + len(items)
        if so_far > total or (so_far < total and (self.is_last or not items)):
            raise Malformed("pagination.totalCount", "as many items as announced are expected")
        return items, total

    def _item(self, value: Json, path: str) -> Item:
        return Item(
            item_id=name_at(value, self.id_field, path),
            place=f"page {self.number}, {path}",
            document=object_at(value, path),
        )


def digest_of(items: tuple[Item, ...]) -> bytes:
    """The same for pages whose items have the same documents, in the same order."""
    documents = [item.document for item in items]
    return blake2b(ascii(documents).encode(), digest_size=16).digest()


def data_of(document: Json) -> Json:
    """The data of a successful reply.

    Raises:
        Malformed: another status, or nothing.
    """
    one_of(member(document, "status"), ("success",), "status")
    return member(document, "data")
