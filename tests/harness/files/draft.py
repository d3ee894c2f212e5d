"""A file before it is written: its cells, its settings and what reading it must give."""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from tests.harness.files.amounts import AmountStyle, amount_text, stated
from tests.harness.files.dates import Moment
from tests.harness.files.lines import DIGITS, Line, Scene, lines_of
from tests.harness.files.style import FIELDS, Style, most_minor, settings_of, style_of

MARKER = "TOTAL"


@dataclass(frozen=True, slots=True)
class Number:
    """A cell that is a number in its file."""

    text: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell of a workbook that is computed; ``text`` was saved with it."""

    text: str


class Unquoted(str):
    """A field of CSV that is written as it is, whatever is in it."""

    __slots__ = ()


Value = str | Number | Formula | Moment | None
Row = dict[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A finding that names the planted damage.

    Attributes:
        kinds: that it may have.
        pattern: a regular expression for its text.
    """

    kinds: tuple[str, ...]
    pattern: str


@dataclass(slots=True, kw_only=True)
class Draft:
    """A file that is being made; a damage changes it.

    Attributes:
        lines: what must be read, in order.
        rows: the cells of each line, by column.
        header: the names of the columns as written, in the order of ``style.order``.
        trailer: the cells of the line of totals; empty: there is none.
        after: rows after the trailer.
        repeats: places in ``rows`` of a workbook whose row has the number of the one before.
        widths: places in ``rows`` of a CSV file to the fields that are too many or too few.
        two_sheets: a workbook has two sheets that can be seen.
        damage: its name; empty: there is none.
        causes: findings of which one must be there; empty: none may be.
        is_exact: all lines must be read, although there is a finding; else at most these.
        may_pass: the damage may be harmless: no finding, all lines read.
        needs_store: only an import notices it, not reading.
    """

    rng: Random
    style: Style
    lines: list[Line]
    rows: list[Row]
    header: list[str]
    settings: dict[str, object]
    trailer: list[Value] = field(default_factory=list)
    after: list[list[Value]] = field(default_factory=list)
    repeats: set[int] = field(default_factory=set)
    widths: dict[int, int] = field(default_factory=dict)
    two_sheets: bool = False
    data: bytes = b""
    name: str = ""
    damage: str = ""
    causes: tuple[Cause, ...] = ()
    is_exact: bool = True
    may_pass: bool = False
    needs_store: bool = False

    def column(self, name: str) -> str:
        """The first column of a field."""
        return self.style.columns[name][0]

    def expects(self, kind: str, pattern: str, *, is_exact: bool = True) -> None:
        """A finding of this kind must name the damage."""
        self.causes = (*self.causes, Cause(kinds=tuple(kind.split("|")), pattern=pattern))
        self.is_exact = is_exact

    def put(self, place: int, name: str, value: Value) -> None:
        """Put a value into a line."""
        self.rows[place][self.column(name)] = value

    def breaks(self, place: int, name: str, value: Value, pattern: str) -> None:
        """Put a value that cannot be read into a line, which must be a finding then."""
        self.put(place, name, value)
        del self.lines[place]
        self.expects("unparsable_record", pattern)


def draft_of(seed: int) -> Draft:
    """A file without damage."""
    rng = Random(f"files {seed}")
    style = style_of(rng)
    scene = Scene(
        ids=style.ids,
        players=() if style.id_case else style.players,
        case=style.id_case,
        step=style.dates.step,
        zone=style.dates.zone,
        most=most_minor(style),
    )
    lines = lines_of(rng, rng.choice((1, 2, 5, 8, 12, 25)), scene)
    draft = Draft(
        rng=rng,
        style=style,
        lines=lines,
        rows=[_row(rng, line, style) for line in lines],
        header=list(style.order),
        settings=settings_of(style, {line.currency for line in lines}),
    )
    if style.trailer:
        set_totals(draft, rng)
    return draft


def set_totals(draft: Draft, rng: Random) -> None:
    """Give the file its line of totals, and the settings that read it."""
    places = rng.sample(range(2, len(draft.header) + 1), 2)
    style = draft.style
    numbers = [
        stated(line, style.amounts, is_rollback_negative=_is_odd(line)) for line in draft.lines
    ]
    total = sum(numbers, Decimal(0))
    draft.trailer = [None] * len(draft.header)
    draft.trailer[0] = MARKER
    draft.trailer[places[0] - 1] = _count(len(draft.lines), style)
    draft.trailer[places[1] - 1] = total_value(total, draft)
    draft.settings["trailer"] = {
        "marker": MARKER,
        "rows": places[0],
        "total": places[1],
        "of": "amount",
    }


def total_value(total: Decimal, draft: Draft) -> Value:
    """A total as the file writes it."""
    style = draft.style
    digits = 0 if style.amounts.unit == "minor" else _digits(draft)
    if style.amount_is_number:
        text = format(total, f".{digits}f")
        return Formula(text) if draft.rng.random() < 0.3 else Number(text)
    plain = AmountStyle(
        decimal=style.amounts.decimal,
        thousands=style.amounts.thousands,
        lakh=style.amounts.lakh,
    )
    return amount_text(total, "", plain, encoding=style.codec, digits=digits)


def _digits(draft: Draft) -> int:
    return max(DIGITS[line.currency] for line in draft.lines)


def _count(number: int, style: Style) -> Value:
    return Number(str(number)) if style.form == "xlsx" else str(number)


def _is_odd(line: Line) -> bool:
    """Decides what no rule decides, such as the sign of a rollback."""
    return sum(line.id.encode()) % 2 == 1


def _row(rng: Random, line: Line, style: Style) -> Row:
    row: Row = dict.fromkeys(style.order)
    values = _values(line, style)
    for name in FIELDS:
        for column, value in zip(style.columns[name], values[name], strict=True):
            row[column] = _padded(value, style) if name != "created_at" else value
    for column in style.ignored:
        text = _free_text(rng, line, style)
        # In the first column the marker would be the end of the file.
        row[column] = "" if text == MARKER and column == style.order[0] else text
    return row


def _values(line: Line, style: Style) -> dict[str, tuple[Value, ...]]:
    number = stated(line, style.amounts, is_rollback_negative=_is_odd(line))
    digits = 0 if style.amounts.unit == "minor" else DIGITS[line.currency]
    amount: Value = Number(format(number, f".{digits}f"))
    if not style.amount_is_number:
        amount = amount_text(number, line.currency, style.amounts, encoding=style.codec)
    return {
        "transaction_id": (_id(line.id, style),),
        "action": (style.words.get(line.action, line.action),),
        "user_id": (_id(line.player, style),),
        "currency": (line.currency,),
        "amount": (amount,),
        "rollback_transaction_id": (
            _id(line.reference, style) if line.reference else style.null or None,
        ),
        "created_at": style.dates.write(line.instant),
    }


def _id(text: str, style: Style) -> Value:
    if style.is_number:
        return Number(text)
    # The file's case is not the one that is stored.
    text = {"lower": text.upper(), "upper": text.lower()}.get(style.id_case, text)
    match style.protection:
        case "=":
            return f'="{text}"'
        case "'":
            return f"'{text}"
        case _:
            return text


def _padded(value: Value, style: Style) -> Value:
    if not isinstance(value, str) or style.protection or not style.pad:
        return value
    return f"{value}{style.pad}" if len(value) % 2 else f"{style.pad}{value}{style.pad}"


def _free_text(rng: Random, line: Line, style: Style) -> Value:
    """What an ignored column says; as players write it, and sometimes as attackers do."""
    if style.form == "csv" and not style.quote:
        return rng.choice(("", "gl hf", "slots/7"))
    quote = style.quote or '"'
    fake = style.delimiter.join(
        ("t-9", "result", "42", "USD", "500.00", "", "2026-06-04T09:30:00Z")
    )
    texts = (
        "",
        "gl hf",
        f"he said {quote}all in{quote}",
        f"a{style.delimiter}b",
        f"gl hf\n{fake}",
        f"two\r\nlines{style.delimiter}",
        "\n",
        MARKER,
        line.id,
        "=1+1",
    )
    return rng.choice(texts)
