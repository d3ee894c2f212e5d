"""Tables of the first page of a statement: the result, the roll-forward, who signed."""

from collections.abc import Iterator, Sequence

from reconcile.days.figures import changes_between
from reconcile.days.states import DayAction, DayStatus, DayStep, last_signed
from reports.grid import (
    STATEMENT,
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    amount_columns,
    linked,
)
from reports.pack import Pack, period_text
from reports.sentences import sentences, warnings
from reports.statement.roll_forward import Cuts, RollForward
from vocabulary.plurals import counted

#: Where a person signs.
LINE = "_" * 24
NOT_SET = "not set: setting reporting.entity"


def statement_grids(pack: Pack) -> tuple[Grid, ...]:
    """The tables of the first page."""
    return (_result(pack), roll_forward_grid(pack), since_grid(pack), signatures_grid(pack))


def _result(pack: Pack) -> Grid:
    return Grid(
        name="Statement",
        slug="statement",
        sheet=STATEMENT,
        note="",
        empty="",
        columns=(Column("What", 24), Column("Statement", 30, overflow=True)),
        rows=[
            *about(pack),
            *(("result", sentence) for sentence in sentences(pack)),
            *(("before signing", warning) for warning in warnings(pack)),
        ],
    )


def about(pack: Pack) -> tuple[tuple[str, str], ...]:
    """Entity, provider and period."""
    entity = pack.statement.entity if pack.statement else ""
    period = "none" if pack.window is None else period_text(pack.window, pack.zone)
    return (
        ("entity", entity or NOT_SET),
        ("provider", pack.provider),
        ("period", period),
        ("as of", f"{Instant(pack.generated_at).seconds()} UTC"),
    )


def roll_forward_grid(pack: Pack) -> Grid:
    """Breaks from one close to the next, by count and money."""
    rolls = pack.statement.roll_forward if pack.statement else ()
    return Grid(
        name="Roll-forward of breaks",
        slug="roll-forward",
        sheet=STATEMENT,
        note=roll_forward_note(rolls),
        empty="No break was open, opened or closed." if pack.is_compared else pack.empty_text,
        columns=ROLL_FORWARD_COLUMNS,
        rows=[row for roll in rolls for row in _roll_rows(pack, roll)],
    )


ROLL_FORWARD_COLUMNS = (
    *(Column("Breaks", 24), Column("At (UTC)", 25)),
    *(Column("Currency", 10), Column("Count", 10, number=True)),
    *amount_columns(("Plus", "Minus", "Net"), signed=True),
)


def roll_forward_note(rolls: Sequence[RollForward]) -> str:
    """What the lines mean, and whether they add up."""
    proof = "They add up." if all(roll.holds for roll in rolls) else "THEY DO NOT ADD UP."
    return (
        "Opening plus new less closed is closing, by count and money, from the close of the day"
        f" before to the close of the last day. {proof} A break is open until somebody settles"
        " it or a run no longer finds it; one that waits for the provider is open, and one that"
        " returned is new again. Plus: we owe the player."
    )


def _roll_rows(pack: Pack, roll: RollForward) -> Iterator[GridRow]:
    assert pack.statement is not None
    code = roll.currency
    unsettled = [b.break_id for b in pack.breaks if b.currency == code and b.is_unsettled]
    return roll_forward_rows(roll, pack.statement.cuts, unsettled[0] if unsettled else "")


def roll_forward_rows(
    roll: RollForward, cuts: Cuts | None, to: str = "", digits: int | None = None
) -> Iterator[GridRow]:
    """The lines of one currency; those after the closing cut only if something moved.

    Args:
        roll: what is shown.
        cuts: between which instants; None: they differ.
        to: the break that the last line leads to; empty: none.
        digits: of the amounts, if they are not the provider's.
    """
    has_moved = roll.new_since.count or roll.closed_since.count
    opening, closing, report = (
        (Instant(cuts.opening), Instant(cuts.closing), Instant(cuts.report))
        if cuts
        else ("", "", "")
    )
    lines = [
        ("opening", opening, roll.opening),
        ("plus new", "", roll.new),
        ("less closed", "", roll.closed),
        ("closing", closing, roll.closing),
    ]
    if has_moved:
        lines += [
            ("plus new after that", "", roll.new_since),
            ("less closed after that", "", roll.closed_since),
            ("open in this report", report, roll.now),
        ]
    for number, (label, cut, breaks) in enumerate(lines, start=1):
        count = linked(breaks.count, to if number == len(lines) else "")
        money = (breaks.plus, breaks.minus, breaks.net)
        amounts = [Amount(minor, roll.currency, digits) for minor in money]
        yield (label, cut, roll.currency, count, *amounts)


def since_grid(pack: Pack) -> Grid:
    """What changed on prepared and signed days."""
    return Grid(
        name="Changed since sign-off",
        slug="since-sign-off",
        sheet=STATEMENT,
        note="GGR of either side now less what was signed (or prepared), and open breaks then"
        " and now. The days listed here have to be reopened and signed again.",
        empty="No prepared or signed day has changed." if pack.is_compared else pack.empty_text,
        columns=(
            *(Column("Day", 24), Column("Since", 20), Column("Currency", 10)),
            *amount_columns(("Ours by", "Theirs by"), signed=True),
            *(Column("Open then", 10, number=True), Column("Open now", 10, number=True)),
        ),
        rows=[row for day in _days(pack) for row in _since_rows(day)],
    )


def _since_rows(day: DayStatus) -> Iterator[GridRow]:
    step = fixed_step(day)
    if step is None or step.figures == day.figures:
        return
    since = f"{step.action} by {step.by}"
    changes = changes_between(step.figures, day.figures)
    for change in changes:
        code = change.currency
        yield (
            *(day.day, since, code, Amount(change.ours, code), Amount(change.theirs, code)),
            *(change.open_before, change.open_now),
        )
    if not changes:
        yield day.day, f"{since}: no figure, but a break or a correction", "", "", "", "", ""


def fixed_step(day: DayStatus) -> DayStep | None:
    """The step whose figures a day is compared with: its sign-off, else its preparation."""
    last = day.last
    prepared = last if last is not None and last.action is DayAction.PREPARE else None
    return last_signed(day.steps) or prepared


def signatures_grid(pack: Pack) -> Grid:
    """Who prepared and signed, and lines where nobody has."""
    return Grid(
        name="Prepared and signed",
        slug="signatures",
        sheet=STATEMENT,
        note="Who vouches for the figures, by the sign-offs of the days; a line is where nobody"
        " has signed yet.",
        empty="",
        columns=SIGNATURE_COLUMNS,
        rows=list(signature_rows(_days(pack))),
    )


SIGNATURE_COLUMNS = (
    *(Column("Role", 24), Column("Name", 26), Column("On (UTC)", 25)),
    *(Column("Days", 16), Column("Reason", 44, overflow=True)),
)


def signature_rows(days: Sequence[DayStatus]) -> Iterator[GridRow]:
    """For preparing and signing: who did it for how many days, and a line for the rest."""
    for role, action in (("prepared by", DayAction.PREPARE), ("signed by", DayAction.SIGN)):
        by_name: dict[str, list[tuple[DayStatus, DayStep]]] = {}
        for day in days:
            step = standing_step(day, action)
            by_name.setdefault(step.by if step else "", []).extend(
                [(day, step)] if step else []
            )
        for name, steps in sorted(by_name.items()):
            if name:
                yield _signed_row(role, name, steps, len(days))
        missing = [day for day in days if standing_step(day, action) is None]
        if missing or not days:
            yield role, LINE, "", _count(len(missing), len(days)), ""


def _signed_row(
    role: str, name: str, steps: list[tuple[DayStatus, DayStep]], total: int
) -> GridRow:
    last = max((step for _, step in steps), key=lambda step: step.at)
    reasons = dict.fromkeys(step.reason for _, step in steps if step.reason)
    return role, name, Instant(last.at), _count(len(steps), total), "; ".join(reasons)


def standing_step(day: DayStatus, action: DayAction) -> DayStep | None:
    """The last step of that kind after the last reopening, if any."""
    for step in reversed(day.steps):
        if step.action is DayAction.REOPEN:
            return None
        if step.action is action:
            return step
    return None


def _count(days: int, total: int) -> str:
    if total == 1:
        return "the day" if days else ""
    return f"{days} of {counted(total, 'day')}" if total else ""


def _days(pack: Pack) -> tuple[DayStatus, ...]:
    return pack.statement.days if pack.statement else ()
