"""The list of breaks: filters, order, columns, pages, and files of exactly what it selects."""

from sqlalchemy import Connection

from breaks.kinds import BreakKind, Impact
from breaks.lists.paging import BreakOrder, BreakPage, listed_breaks, page_of_breaks
from breaks.lists.saved_views import saved_views
from breaks.states import BreakState
from console.config import Visit
from console.pages.breaks.columns import COLUMNS, due_of, file_columns, file_rows
from console.pages.breaks.selection import BreakQuery, read_query
from console.rendering import count_text
from console.replies import FileDownload, HtmlPage
from console.sentences import counted
from console.spreadsheets import csv_file, xlsx_file
from vocabulary.people import Right

#: Breaks on one page.
PAGE_ROWS = 50
#: Most rows of a file.
FILE_ROWS_MAX = 100_000


def show(visit: Visit) -> HtmlPage:
    """One page of the breaks that the filters select."""
    query = query_of(visit)
    with visit.console.readers.connect() as connection:
        page = page_of(connection, query)
        views = saved_views(connection, visit.signed_in.person.person_id)
    values = {
        **list_values(visit, page, query),
        "sentence": _sentence(page, query),
        "views": views,
        "filed": filed_text(page.total),
        "choices": {
            "provider": list(visit.config.zones),
            "kind": [str(kind) for kind in BreakKind],
            "state": [str(state) for state in BreakState],
            "impact": [str(impact) for impact in Impact],
        },
    }
    return HtmlPage(template="breaks/list.html", values=values)


def download(visit: Visit) -> FileDownload:
    """The selected breaks as CSV, in the order and with the columns of the page."""
    return _file(visit, as_workbook=False)


def download_workbook(visit: Visit) -> FileDownload:
    """The selected breaks as a workbook, in the order and with the columns of the page."""
    return _file(visit, as_workbook=True)


def query_of(visit: Visit) -> BreakQuery:
    """What the address of a visit asks for.

    Raises:
        Malformed: a filter that cannot be read.
    """
    person_id = visit.signed_in.person.person_id
    return read_query(visit.query, visit.config, now=visit.now, person_id=person_id)


def page_of(connection: Connection, query: BreakQuery) -> BreakPage:
    """One page of what a query selects."""
    return page_of_breaks(
        connection,
        query.break_filter,
        order=query.order,
        after=query.after,
        limit=PAGE_ROWS,
    )


def list_values(visit: Visit, page: BreakPage, query: BreakQuery) -> dict[str, object]:
    """What the table of breaks needs."""
    return {
        "page": page,
        "query": query,
        "config": visit.config,
        "zone_note": visit.config.zone_note(break_.provider for break_ in page.breaks),
        "columns": list(COLUMNS),
        "may_work": visit.signed_in.person.may(Right.WORK_BREAKS),
        "age_of": lambda break_: visit.now - break_.opened_at,
        "due_of": lambda break_: due_of(break_, visit.config),
    }


def _file(visit: Visit, *, as_workbook: bool) -> FileDownload:
    query = query_of(visit)
    with visit.console.readers.connect() as connection:
        breaks = listed_breaks(
            connection, query.break_filter, order=query.order, limit=FILE_ROWS_MAX + 1
        )
    name = file_name(len(breaks))
    breaks = breaks[:FILE_ROWS_MAX]
    columns = file_columns(query.columns)
    rows = file_rows(breaks, columns, visit.config, visit.now)
    if as_workbook:
        return xlsx_file(name, columns, rows, made_at=visit.now)
    return csv_file(name, columns, rows)


def filed_text(total: int) -> str:
    """Which of so many breaks a file has, in words."""
    if total > FILE_ROWS_MAX:
        return f"the first {count_text(FILE_ROWS_MAX)} of {count_text(total)}"
    return f"all {count_text(total)}"


def file_name(selected: int) -> str:
    """The name of a file: whoever gets it without the page knows whether breaks are missing."""
    return "breaks" if selected <= FILE_ROWS_MAX else f"breaks-only-the-first-{FILE_ROWS_MAX}"


def _sentence(page: BreakPage, query: BreakQuery) -> str:
    if page.total == 0:
        return "No break fits these filters." if query.fields else "No break is open."
    selection = "fit these filters" if query.fields else "are not closed"
    if page.total == 1:
        selection = selection.replace("fit ", "fits ").replace("are ", "is ")
    first = "the largest difference" if query.order is BreakOrder.MONEY else "the oldest"
    return f"{counted(page.total, 'break')} {selection}, {first} first."
