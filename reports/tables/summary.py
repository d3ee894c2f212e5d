"""The first page: both sides, what breaks, what was not read, and which days are signed off."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from breaks.kinds import Impact
from reconcile.totals.differences import ELSEWHERE, NO_BREAKS, TIMING
from reconcile.totals.tie_out import TotalsRow as Tied
from reports.grid import (
    WHO_OWES,
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    Value,
    amount_columns,
    owed_column,
)
from reports.queries import BusinessDay, OpenBreak
from reports.report import Pack
from vocabulary.clock import iso

#: The sheet that they share.
SUMMARY = "Summary"
NO_RUN = "No run is stored, so there is nothing to say."
_SIGNED_OFF = "signed off"


def summary_grids(pack: Pack) -> tuple[Grid, ...]:
    """The tables of the first page."""
    return (_about(pack), _sides(pack), _rounds(pack), _kinds(pack), _days(pack), _unread(pack))


def _about(pack: Pack) -> Grid:
    return Grid(
        name="About this report",
        slug="about",
        sheet=SUMMARY,
        note="",
        empty="",
        columns=(Column("What", 30), Column("Told", 30, flow=True, code=True)),
        rows=[("provider", pack.provider), *_of_run(pack), *_conventions(pack)],
    )


def _of_run(pack: Pack) -> Iterator[GridRow]:
    if pack.run is None:
        yield "run", "none is stored"
        return
    window = pack.run.window
    yield "from", f"{_local(window.start, pack.zone)} (included)"
    yield "to", f"{_local(window.end, pack.zone)} (not included)"
    yield "time zone", f"{pack.zone} for business days; every other instant is in UTC"
    yield "run", pack.run.run_id
    yield "judged at", iso(pack.run.started_at)
    unposted = pack.tied.unposted if pack.tied else 0
    yield "not posted yet", f"{unposted} accepted batches, in no figure of ours"


def _conventions(pack: Pack) -> Iterator[GridRow]:
    yield "generated at", iso(pack.generated_at)
    yield "amounts", "exact, in the currency beside them"
    yield "a break's amount", "plus: we owe the player; minus: the player owes us"
    yield "totals differ by", "the provider's figure less ours"
    invoices = ", ".join(each.check.invoice.name for each in pack.invoices)
    yield "invoices checked", invoices or "none was given"


def _local(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).isoformat(sep=" ")


def _sides(pack: Pack) -> Grid:
    return Grid(
        name="Both sides",
        slug="both-sides",
        sheet=SUMMARY,
        note="Of rounds that began in the window, corrections included. What the difference of"
        " GGR (stake less payout) is made of stands below it; what is left is zero.",
        empty="Nothing was booked and nothing was reported in this window.",
        columns=(
            *(Column("Provider", 30, page=False), Column("Figure", 30), Column("Currency", 10)),
            *amount_columns(("Ours", "Theirs")),
            *amount_columns(("Theirs less ours",), signed=True),
        ),
        rows=[
            (pack.provider, *line)
            for row in (pack.tied.by() if pack.tied else ())
            for line in _side_lines(row)
        ],
    )


def _side_lines(row: Tied) -> Iterator[GridRow]:
    code, ours, theirs = row.currency, row.ours, row.theirs
    for name in ("stake", "payout", "ggr"):
        figures = getattr(ours, name), getattr(theirs, name), getattr(row.difference, name)
        heading = "GGR" if name == "ggr" else name.capitalize()
        yield heading, code, *(Amount(each, code) for each in figures)
    rest = sum(row.causes.get(cause, 0) for cause in NO_BREAKS - {TIMING, ELSEWHERE})
    parts = {
        "of it breaks": row.breaks,
        "of it timing": row.causes.get(TIMING, 0),
        "of it counted elsewhere": row.causes.get(ELSEWHERE, 0),
        "of it grouped, tolerated, undone": rest,
        "left over": row.residual,
    }
    for name, minor in parts.items():
        yield name, code, "", "", Amount(minor, code)


def _rounds(pack: Pack) -> Grid:
    return Grid(
        name="Every round accounted for",
        slug="rounds",
        sheet=SUMMARY,
        note="A round is matched, too young to judge (timing), in a break, or moved nothing"
        " (excluded). Some breaks are about no round, some about several.",
        empty=NO_RUN,
        columns=(
            Column("Side", 30),
            *(Column(each, 12, number=True) for each in ("Rounds", "Matched", "Timing")),
            *(Column(each, 12, number=True) for each in ("In breaks", "Excluded", "Left over")),
        ),
        rows=[
            _round_line(pack, name, side)
            for name, side in (("ours", "ours"), (pack.provider, "theirs"))
            if pack.run
        ],
    )


def _round_line(pack: Pack, name: str, side: str) -> GridRow:
    assert pack.run is not None
    told = pack.run.manifest[side]
    rows = [int(told[line]["rows"]) for line in ("matched", "timing", "breaks", "excluded")]
    compared = int(told["compared"]["rows"])
    return name, compared, *rows, compared - sum(rows)


def _kinds(pack: Pack) -> Grid:
    groups: dict[tuple[str, str, str], list[OpenBreak]] = {}
    for each in pack.breaks:
        groups.setdefault((each.currency, each.kind, each.impact), []).append(each)
    return Grid(
        name="Open breaks by kind",
        slug="breaks-by-kind",
        sheet=SUMMARY,
        note="Of this run and of earlier ones. Of GGR's difference: what breaks about rounds of"
        " this window make of the difference above. Its sign is turned: what we owe a player is"
        " no revenue.",
        empty="No break is open.",
        columns=(
            *(Column("Kind", 30, named=True), Column("Who owes", 30), Column("Currency", 10)),
            *(Column("Breaks", 10, number=True), owed_column("Amount")),
            *amount_columns(("Of GGR's difference",), signed=True),
            Column("Overdue", 10, number=True),
        ),
        rows=[
            (kind, WHO_OWES[impact], code, *_of_kind(pack, code, some))
            for (code, kind, impact), some in sorted(groups.items(), key=_by_money)
        ],
        foot=list(_owed(pack)),
    )


def _by_money(group: tuple[tuple[str, str, str], list[OpenBreak]]) -> tuple[object, ...]:
    (code, kind, impact), some = group
    sum_ = sum(each.difference for each in some)
    return sum_ == 0, code, -abs(sum_), -len(some), kind, impact


def _of_kind(pack: Pack, code: str, some: list[OpenBreak]) -> GridRow:
    named = {each.break_id for each in some}
    lines = pack.tied.lines if pack.tied else ()
    ggr = sum(line.ggr for line in lines if line.break_id in named)
    money = Amount(sum(each.difference for each in some), code)
    overdue = sum(pack.overdue(each) for each in some)
    return len(some), money, Amount(ggr, code), overdue


def _owed(pack: Pack) -> Iterator[GridRow]:
    for code in sorted({each.currency for each in pack.breaks}):
        of_code = [each for each in pack.breaks if each.currency == code]
        for impact in (Impact.PLAYER_OWED, Impact.OPERATOR_OWED, Impact.NONE):
            some = [each for each in of_code if each.impact == impact]
            if some:
                yield "all kinds", WHO_OWES[impact], code, *_of_kind(pack, code, some)
        yield "all kinds", "together", code, *_of_kind(pack, code, of_code)


def _days(pack: Pack) -> Grid:
    return Grid(
        name="Days",
        slug="days",
        sheet=SUMMARY,
        note="Restated: records told otherwise after the day was signed off; plus is in the"
        " player's favour.",
        empty=NO_RUN,
        columns=(
            *(Column("Day", 12), Column("State", 30)),
            *(Column("Signed off (UTC)", 22), Column("By run", 28, code=True, under=True)),
            Column("Records then", 14, number=True),
            Column("Restated", 12, number=True, under=True),
            *(owed_column("Restated by"), Column("Currency", 10, under=True)),
        ),
        rows=[row for day in pack.days for row in _day_lines(day)],
    )


def _day_lines(day: BusinessDay) -> Iterator[GridRow]:
    part = "" if day.whole else ", partly in the window"
    if day.closed_at is None:
        yield str(day.day), f"open{part}", "", "", "", "", "", ""
        return
    signed: list[Value] = [str(day.day), f"{_SIGNED_OFF}{part}", Instant(day.closed_at)]
    signed += [day.run_id or "by hand", day.records]
    if not day.restated:
        yield *signed, 0, "", ""
    for each in day.restated:
        yield *signed, each.records, Amount(each.difference, each.currency), each.currency


def _unread(pack: Pack) -> Grid:
    said = [] if pack.run is None else pack.run.manifest.get("unread", [])
    return Grid(
        name="Not read",
        slug="not-read",
        sheet=SUMMARY,
        note="What of the window the provider's feeds could not tell: none of it was compared.",
        empty=NO_RUN if pack.run is None else "Everything that was told was read.",
        columns=(
            Column("What", 30, named=True),
            *(Column("File", 30, code=True, under=True), Column("Feed", 16, under=True)),
            *(
                Column("Times", 10, number=True),
                Column("From", 26),
                Column("To", 26, under=True),
            ),
            Column("Detail", 60, flow=True),
        ),
        rows=[
            (
                *(each["kind"], each["file"] or "", each["feed"], each["count"]),
                *(each["from"] or "not known", each["to"] or "not known", each["detail"]),
            )
            for each in said
        ],
    )
