"""One sealed day: its hash, its place in the chain, what it covers, and a check of it."""

from console.config import Visit
from console.pages.parameters import read_day, read_name
from console.replies import HtmlPage, not_found
from ledger.seal.canonical_lines import day_bounds
from ledger.seal.seal import GENESIS, Seal, neighbours_of, recheck, seal_of
from storage.archive.row_cut import rows_begin_at

#: Most rows of a day that the page hashes again; longer days are checked by the command.
CHECKED_ROWS_MAX = 100_000


def show(visit: Visit) -> HtmlPage:
    """The seal of a day in UTC; with ``check`` its rows are hashed again."""
    day = read_day(read_name("seal", visit.path["day"]))
    engine = visit.console.readers
    seal = None if day is None else seal_of(engine, day)
    if seal is None:
        raise not_found("seal", visit.path["day"])
    neighbours = neighbours_of(engine, seal)
    with engine.connect() as connection:
        cut = rows_begin_at(connection)
    rows = sum(seal.counts.values())
    is_away = cut is not None and day_bounds(seal.day)["since"] < cut
    is_checked = "check" in visit.query and rows <= CHECKED_ROWS_MAX
    values = {
        "seal": seal,
        "neighbours": neighbours,
        "is_first": seal.previous == GENESIS,
        "rows": rows,
        "rows_max": CHECKED_ROWS_MAX,
        "is_away": is_away,
        "wrong": _faults(visit, seal) if is_checked and not is_away else None,
    }
    return HtmlPage(template="records/seal.html", values=values)


def _faults(visit: Visit, seal: Seal) -> tuple[str, ...]:
    """What is not as it was sealed, of this day and its link to the one before."""
    results = recheck(visit.console.readers, seal.day, progress=lambda _lines: None)
    return tuple(fault for result in results for fault in result.wrong)
