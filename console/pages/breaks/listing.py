"""The list of breaks: filters, order, pages, and a CSV of exactly what it selects."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from breaks.kinds import BreakKind, Impact
from breaks.paging import BreakOrder, BreakPage, page_of_breaks
from breaks.queries import BreakFilter
from breaks.states import BreakState
from breaks.store import TrackedBreak
from console.config import ConsoleConfig, Visit
from console.pages.parameters import provider_named, read_day
from console.replies import FileDownload, HtmlPage
from console.sentences import counted
from reports.formulas import escape_formula
from vocabulary.clock import iso
from vocabulary.errors import Malformed
from vocabulary.money import Money
from vocabulary.window import Window, day_window

#: Breaks on one page.
PAGE_ROWS = 50
#: Most rows of a CSV.
CSV_ROWS_MAX = 100_000
#: Longest text that is searched for, in characters.
WORDS_CHARS_MAX = 200
#: The fields of the form, in the order in selection the address has them.
FIELDS = (
    "provider",
    "kind",
    "state",
    "impact",
    "assignee",
    "player",
    "round",
    "day",
    "run",
    "q",
)
_HEADINGS = (
    *("break", "provider", "kind", "state", "impact", "difference", "currency", "player"),
    *("round", "assignee", "opened", "began", "explanation"),
)
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakQuery:
    """What the address of the list asks for.

    Attributes:
        fields: the fields of the form that are not empty, as typed.
    """

    break_filter: BreakFilter
    order: BreakOrder
    after: str | None
    fields: Mapping[str, str]

    def address(self, path: str, **changes: str | None) -> str:
        """The address of the same list, with changes; None leaves a part out."""
        parts: dict[str, str | None] = {**self.fields, "sort": str(self.order), **changes}
        text = urlencode({name: value for name, value in parts.items() if value})
        return f"{path}?{text}" if text else path


def show(visit: Visit) -> HtmlPage:
    """One page of the breaks that the filters select."""
    query = read_query(visit.query, visit.config)
    with visit.console.readers.connect() as connection:
        page = page_of_breaks(
            connection,
            query.break_filter,
            order=query.order,
            after=query.after,
            limit=PAGE_ROWS,
        )
    values = {
        "sentence": _sentence(page, query),
        "page": page,
        "query": query,
        "config": visit.config,
        "choices": {
            "provider": list(visit.config.zones),
            "kind": [str(kind) for kind in BreakKind],
            "state": [str(state) for state in BreakState],
            "impact": [str(impact) for impact in Impact],
        },
        "age_of": lambda break_: visit.now - break_.opened_at,
        "overdue_after": timedelta(days=1),
    }
    return HtmlPage(template="breaks/list.html", values=values)


def download(visit: Visit) -> FileDownload:
    """The selected breaks as CSV, in the order of the page."""
    query = read_query(visit.query, visit.config)
    with visit.console.readers.connect() as connection:
        page = page_of_breaks(
            connection, query.break_filter, order=query.order, after=None, limit=CSV_ROWS_MAX
        )
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(_HEADINGS)
    writer.writerows(csv_row(break_, visit.config) for break_ in page.breaks)
    # With the byte order mark, spreadsheets read the file as UTF-8.
    content = text.getvalue().encode("utf-8-sig")
    return FileDownload(
        name="breaks.csv", content_type="text/csv; charset=utf-8", content=content
    )


def csv_row(break_: TrackedBreak, config: ConsoleConfig) -> list[str]:
    """One break as CSV; no cell begins a formula, and amounts are plain numbers."""
    exponents = config.exponents(break_.provider)
    began = "" if break_.began_at is None else iso(break_.began_at)
    texts = [
        *(break_.break_id, break_.provider, str(break_.kind), str(break_.state)),
        str(break_.impact),
        Money(break_.difference, break_.currency).text(exponents=exponents),
        *(break_.currency, break_.player or "", break_.round_id, break_.assignee or ""),
        *(iso(break_.opened_at), began, break_.explanation),
    ]
    return [escape_formula(text) for text in texts]


def read_query(query: Mapping[str, str], config: ConsoleConfig) -> BreakQuery:
    """Read the fields of the form.

    Raises:
        Malformed: a value that none of its field can be.
        RequestRefused: there is no such provider.
    """
    fields = {name: query[name].strip() for name in FIELDS if query.get(name, "").strip()}
    for name, text in fields.items():
        if len(text) > WORDS_CHARS_MAX or "\0" in text:
            raise Malformed(name, f"at most {WORDS_CHARS_MAX} characters are expected")
    if "provider" in fields:
        provider_named(config, fields["provider"])
    state = fields.get("state")
    break_filter = BreakFilter(
        provider=fields.get("provider"),
        kind=_choice(BreakKind, fields, "kind"),
        impact=_choice(Impact, fields, "impact"),
        states=() if state in {None, "all"} else _states(state or ""),
        include_closed=state == "all",
        assignee=fields.get("assignee"),
        run_id=fields.get("run"),
        round_id=fields.get("round"),
        player=fields.get("player"),
        windows=_windows_of(read_day(fields.get("day")), config.zones),
        words=fields.get("q"),
    )
    order = _choice(BreakOrder, query, "sort") or BreakOrder.MONEY
    return BreakQuery(
        break_filter=break_filter, order=order, after=query.get("after"), fields=fields
    )


def _windows_of(day: date | None, zones: Mapping[str, str]) -> dict[str, Window] | None:
    """The day in each provider's zone, by slug; under ``""`` in UTC, for any other provider."""
    if day is None:
        return None
    return {
        slug: day_window(day, ZoneInfo(zone)) for slug, zone in {**zones, "": "UTC"}.items()
    }


def _choice(choices: type[_Choice], fields: Mapping[str, str], name: str) -> _Choice | None:
    if not fields.get(name):
        return None
    try:
        return choices(fields[name])
    except ValueError as error:
        expected = ", ".join(choices)
        raise Malformed(name, f"one of {expected} is expected") from error


def _states(text: str) -> tuple[BreakState, ...]:
    """One state, or several with commas between."""
    states = (_choice(BreakState, {"state": name.strip()}, "state") for name in text.split(","))
    return tuple(state for state in states if state is not None)


def _sentence(page: BreakPage, query: BreakQuery) -> str:
    if page.total == 0:
        return "No break fits these filters." if query.fields else "No break is open."
    selection = "fit these filters" if query.fields else "are not closed"
    if page.total == 1:
        selection = selection.replace("fit ", "fits ").replace("are ", "is ")
    first = "the largest difference" if query.order is BreakOrder.MONEY else "the oldest"
    return f"{counted(page.total, 'break')} {selection}, {first} first."
