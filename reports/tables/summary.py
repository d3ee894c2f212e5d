"""Tables of the first page: both sides, breaks, gaps of the feeds, and signed-off days."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from breaks.standing import Standing, count_standings
from reconcile.totals.differences import ELSEWHERE, NO_BREAKS, TIMING
from reconcile.totals.tie_out import TotalsRow
from reports.grid import (
    ONLY_INVOICE,
    SUMMARY,
    WHO_OWES,
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    Value,
    amount_columns,
    linked,
    owed_column,
    who_owes,
)
from reports.pack import Pack
from reports.queries import BusinessDay, OpenBreak
from reports.tables.breaks import no_breaks
from vocabulary.clock import iso
from vocabulary.plurals import counted

_CLOSED = "closed"
_GGR_PART = "Part of GGR difference"
#: Of breaks that runs still find; one that is closed was closed by hand.
_COUNTED = tuple(Standing)


def summary_grids(pack: Pack) -> tuple[Grid, ...]:
    """The tables of the first page."""
    return (
        _about(pack),
        _sides(pack),
        _rounds(pack),
        _kinds(pack),
        _days(pack),
        _not_covered(pack),
    )


def _about(pack: Pack) -> Grid:
    return Grid(
        name="About this report",
        slug="about",
        sheet=SUMMARY,
        note="",
        empty="",
        columns=(
            Column("What", 24),
            Column("Value", 24, name="Told", overflow=True, is_id=True),
        ),
        rows=[
            ("provider", pack.provider),
            *_of_window(pack),
            *_of_run(pack),
            *_conventions(pack),
        ],
    )


def _of_window(pack: Pack) -> Iterator[GridRow]:
    if pack.window is None:
        return
    yield "from", f"{_local(pack.window.start, pack.zone)} (included)"
    yield "to", f"{_local(pack.window.end, pack.zone)} (not included)"
    yield "time zone", f"{pack.zone} for business days; every other instant is in UTC"


def _of_run(pack: Pack) -> Iterator[GridRow]:
    if pack.run is not None:
        yield "run", pack.run.run_id
        yield "compared at", iso(pack.run.started_at)
    elif pack.parts:
        yield "runs", f"{len(pack.parts)}, one for each day"
        yield "compared at", f"{iso(max(run.started_at for run in pack.parts))} and before"
    else:
        yield "run", "none is stored over exactly this window"
    for gap in pack.gaps:
        yield "NOT COMPARED", f"{_local(gap.start, pack.zone)} to {_local(gap.end, pack.zone)}"
    if pack.tie_out:
        yield (
            "not posted yet",
            f"{counted(pack.tie_out.unposted, 'accepted batch')}, in no figure of ours",
        )


def _conventions(pack: Pack) -> Iterator[GridRow]:
    yield "generated at", iso(pack.generated_at)
    yield "amounts", "exact, in the currency beside them"
    yield "a break's amount", "plus: we owe the player; minus: the player owes us"
    yield "totals differ by", "the provider's figure less ours"
    invoices = ", ".join(checked.check.invoice.name for checked in pack.invoices)
    yield "invoices checked", invoices or "none was given"


def _local(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).isoformat(sep=" ")


def _sides(pack: Pack) -> Grid:
    return Grid(
        name="Both sides",
        slug="both-sides",
        sheet=SUMMARY,
        note="Totals of the rounds that began in the window, corrections included. The lines"
        " below GGR (stake less payout) are the parts of its difference; what is left over is"
        " zero.",
        empty=pack.empty_text,
        columns=(
            *(
                Column("Provider", 30, on_page=False, on_paper=False),
                Column("Figure", 24),
                Column("Currency", 10),
            ),
            *amount_columns(("Ours", "Theirs")),
            *amount_columns(("Theirs less ours",), signed=True),
        ),
        rows=[
            (pack.provider, *line)
            for row in (pack.tie_out.by() if pack.tie_out else ())
            for line in _side_lines(pack, row)
        ],
    )


def _side_lines(pack: Pack, row: TotalsRow) -> Iterator[GridRow]:
    code, ours, theirs = row.currency, row.ours, row.theirs
    for name in ("stake", "payout", "ggr"):
        figures = getattr(ours, name), getattr(theirs, name), getattr(row.difference, name)
        heading = "GGR" if name == "ggr" else name.capitalize()
        yield heading, code, *(Amount(minor, code) for minor in figures)
    rest = sum(row.causes.get(cause, 0) for cause in NO_BREAKS - {TIMING, ELSEWHERE})
    parts = {
        "of it breaks": row.breaks,
        "of it timing": row.causes.get(TIMING, 0),
        "of it other period or game": row.causes.get(ELSEWHERE, 0),
        "of it grouped, tolerated, rolled back": rest,
        "left over": row.residual,
    }
    for name, minor in parts.items():
        to = _largest_line(pack, code) if name == "of it breaks" else ""
        yield name, code, "", "", linked(Amount(minor, code), to)


def _largest_line(pack: Pack, currency: str) -> str:
    """The break behind the largest part of a currency's difference."""
    lines = [
        (abs(line.ggr), line.break_id)
        for line in (pack.tie_out.lines if pack.tie_out else ())
        if line.break_id and line.cell.currency == currency
    ]
    return max(lines)[1] if lines else ""


def _rounds(pack: Pack) -> Grid:
    return Grid(
        name="Every round accounted for",
        slug="rounds",
        sheet=SUMMARY,
        note="Each round is matched, too recent to judge (timing), in a break, or moved nothing"
        " (excluded). A break may concern no round, or several.",
        empty=pack.no_run_text,
        columns=(
            Column("Side", 24),
            *(Column(name, 12, number=True) for name in ("Rounds", "Matched", "Timing")),
            *(Column(name, 12, number=True) for name in ("In breaks", "Excluded", "Left over")),
        ),
        rows=[
            _round_line(pack, name, side)
            for name, side in (("ours", "ours"), (pack.provider, "theirs"))
            if pack.proved_runs
        ],
    )


def _round_line(pack: Pack, name: str, side: str) -> GridRow:
    proofs = [run.manifest[side] for run in pack.proved_runs]
    compared, *rows = (
        sum(int(proof[line]["rows"]) for proof in proofs)
        for line in ("compared", "matched", "timing", "breaks", "excluded")
    )
    return name, compared, *rows, compared - sum(rows)


def _kinds(pack: Pack) -> Grid:
    groups: dict[tuple[str, str, str], list[OpenBreak]] = {}
    standings = {Standing.OPEN, *(break_.standing for break_ in pack.breaks)}
    for break_ in pack.breaks:
        key = (break_.currency, break_.kind, who_owes(break_.impact, break_.invoice))
        groups.setdefault(key, []).append(break_)
    return Grid(
        name="Breaks by kind",
        slug="breaks-by-kind",
        sheet=SUMMARY,
        note="Breaks of this run and of earlier ones; only open ones wait for somebody here."
        " Part of GGR difference: how much of the difference above comes from breaks about"
        " rounds of this window, with its sign reversed: what we owe a player is no revenue.",
        empty=no_breaks(pack),
        columns=(
            *(
                Column("Kind", 24, is_code_name=True),
                Column("Who owes", 24),
                Column("Currency", 10),
            ),
            *(Column("Breaks", 10, number=True), owed_column("Amount")),
            Column(_GGR_PART, 16, name="Of GGR's difference", number=True, signed=True),
            Column("Overdue", 10, number=True),
            *(
                Column(
                    str(standing).replace("_", " ").capitalize(),
                    12,
                    number=True,
                    on_page=standing in standings,
                    on_paper=standing in standings,
                )
                for standing in _COUNTED
            ),
        ),
        rows=[
            (kind, owing, code, *_break_figures(pack, code, breaks))
            for (code, kind, owing), breaks in sorted(groups.items(), key=_by_money)
        ],
        foot=list(_sums(pack)),
    )


def _by_money(group: tuple[tuple[str, str, str], list[OpenBreak]]) -> tuple[object, ...]:
    (code, kind, owing), breaks = group
    amount = sum(break_.difference for break_ in breaks)
    return amount == 0, code, -abs(amount), -len(breaks), kind, owing


def _break_figures(pack: Pack, code: str, breaks: list[OpenBreak]) -> GridRow:
    break_ids = {break_.break_id for break_ in breaks}
    lines = pack.tie_out.lines if pack.tie_out else ()
    ggr = sum(line.ggr for line in lines if line.break_id in break_ids)
    money = Amount(sum(break_.difference for break_ in breaks), code)
    overdue = sum(pack.is_overdue(break_) for break_ in breaks)
    counts = count_standings(break_.standing for break_ in breaks)
    standings = [counts[standing] for standing in _COUNTED]
    # Loaded by size: the first is the largest.
    count = linked(len(breaks), breaks[0].break_id)
    return count, money, Amount(ggr, code), overdue, *standings


def _sums(pack: Pack) -> Iterator[GridRow]:
    for code in sorted({break_.currency for break_ in pack.breaks}):
        of_code = [break_ for break_ in pack.breaks if break_.currency == code]
        for owing in (*WHO_OWES.values(), ONLY_INVOICE):
            breaks = [b for b in of_code if who_owes(b.impact, b.invoice) == owing]
            if breaks:
                yield "all kinds", owing, code, *_break_figures(pack, code, breaks)
        yield "all kinds", "together", code, *_break_figures(pack, code, of_code)


def _days(pack: Pack) -> Grid:
    return Grid(
        name="Days",
        slug="days",
        sheet=SUMMARY,
        note="When a run closed each day. Restated: records that the provider changed after"
        " that; plus is in the player's favour. Who signed is in the table Calendar.",
        empty=pack.no_run_text,
        columns=(
            *(Column("Day", 12), Column("State", 24)),
            Column("Closed (UTC)", 25),
            Column("By run", 28, is_id=True, stacked=True, on_paper=False),
            Column("Records then", 14, number=True),
            Column("Restated", 12, number=True, stacked=True),
            *(owed_column("Restated by"), Column("Currency", 10, stacked=True)),
        ),
        rows=[row for day in pack.days for row in _day_lines(day)],
    )


def _day_lines(day: BusinessDay) -> Iterator[GridRow]:
    part = "" if day.whole else ", partly in the window"
    if day.closed_at is None:
        yield day.day, f"open{part}", "", "", "", "", "", ""
        return
    signed: list[Value] = [day.day, f"{_CLOSED}{part}", Instant(day.closed_at)]
    signed += [day.run_id or "by hand", day.records]
    if not day.restated:
        yield *signed, 0, "", ""
    for restated in day.restated:
        money = Amount(restated.difference, restated.currency)
        yield *signed, restated.records, money, restated.currency


def _not_covered(pack: Pack) -> Grid:
    gaps = [gap for run in pack.proved_runs for gap in run.manifest.get("unread", [])]
    return Grid(
        name="Not covered",
        slug="not-read",
        sheet=SUMMARY,
        note="Parts of the window that the provider's feeds do not cover, and records that"
        " could not be read; none of it was compared.",
        empty="Nothing is missing: every record was read."
        if pack.proved_runs
        else pack.no_run_text,
        columns=(
            Column("What", 24, is_code_name=True),
            *(Column("File", 24, is_id=True, stacked=True), Column("Feed", 16, stacked=True)),
            *(
                Column("Times", 10, number=True),
                Column("From", 20),
                Column("To", 20, stacked=True),
            ),
            Column("Detail", 60, overflow=True),
        ),
        rows=[
            (
                *(gap["kind"], gap["file"] or "", gap["feed"], gap["count"]),
                *(gap["from"] or "not known", gap["to"] or "not known", gap["detail"]),
            )
            for gap in gaps
        ],
    )
