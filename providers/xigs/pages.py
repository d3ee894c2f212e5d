"""Lists of the platform's API, page by page: read to their announced end, or an error."""

from dataclasses import dataclass, field

from providers.fields import one_of
from providers.outbound_json import Document, count_at, each, member, name_at, object_at
from providers.wire import Json
from vocabulary.errors import Malformed

#: Items of one page; the webhook log allows no more.
PAGE_ITEMS = 100
#: Most pages of one list; a list of a million items is asked for in narrower days.
PAGES_MAX = 10_000
#: What is said of a list that does not move on.
REPEATED_PAGE = "another page than the one before is expected"
#: The number of the first page, which no document states.
PAGE_FIRST = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a list: its id, and the whole of it for whoever stores it.

    Attributes:
        place: where it stood, such as ``page 2, data[4]``.
        document: as received, numbers as sent. May hold secrets and personal data.
    """

    item_id: str
    place: str
    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """What one page of a list must be.

    Attributes:
        seen: items of the pages before it.
        is_last: no page may follow it.
        before: the items of the page before it.
    """

    number: int
    id_field: str
    seen: int
    is_last: bool
    before: tuple[Item, ...] = ()

    def read(self, document: Json) -> tuple[tuple[Item, ...], int]:
        """Its items, and how many the list announces in all.

        Raises:
            Malformed: another page, the page before again, too many items, or no more before
                the announced end.
        """
        items = each(data_of(document), "data", self._item)
        paging = member(document, "pagination")
        if count_at(paging, "pageIndex", "pagination") != self.number:
            raise Malformed("pagination.pageIndex", "the page asked for is expected")
        # One item alone may have slid to the next page while it was asked for; a page cannot.
        if len(items) > 1 and _said(items) == _said(self.before):
            raise Malformed("data", REPEATED_PAGE)
        total = count_at(paging, "totalCount", "pagination")
        so_far = self.seen + len(items)
        if so_far > total or (so_far < total and (self.is_last or not items)):
            raise Malformed("pagination.totalCount", "as many items as announced are expected")
        return items, total

    def _item(self, value: Json, path: str) -> Item:
        return Item(
            item_id=name_at(value, self.id_field, path),
            place=f"page {self.number}, {path}",
            document=object_at(value, path),
        )


def _said(items: tuple[Item, ...]) -> list[Document]:
    return [item.document for item in items]


def data_of(document: Json) -> Json:
    """What a successful reply holds.

    Raises:
        Malformed: another status, or nothing.
    """
    one_of(member(document, "status"), ("success",), "status")
    return member(document, "data")
