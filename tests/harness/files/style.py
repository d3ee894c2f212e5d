"""Everything about how one file writes its lines, chosen by a seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.harness.files.amounts import AmountStyle, amount_style, is_encodable
from tests.harness.files.dates import DateStyle, cell_style, text_style
from tests.harness.files.lines import BET, DIGITS, RESULT, ROLLBACK

FIELDS = (
    "transaction_id",
    "action",
    "user_id",
    "currency",
    "amount",
    "rollback_transaction_id",
    "created_at",
)
#: Our names of the fields that hold ids.
IDS = ("transaction_id", "user_id", "rollback_transaction_id")
TEXT_FORMS = ("csv", "jsonl", "array")
_FORMS = ("csv",) * 10 + (
    "jsonl",
    "jsonl",
    "array",
    "array",
    "xlsx",
    "xlsx",
    "xlsx",
    "parquet",
    "parquet",
)
_PACKINGS = ("", "", "", "", "", "", "gz", "bz2", "xz", "zip")
#: An encoding as the settings name it, the codec that writes it, and names that it can write.
_ENCODINGS = (
    ("utf-8", "utf-8", ("anna-łóś", "игрок7", "选手")),
    ("utf-8", "utf-8", ()),
    ("utf-8", "utf-8-sig", ("müller",)),
    ("utf-16", "utf-16", ("игрок7", "müller")),
    ("utf-16-le", "utf-16-le", ("选手", "zoë")),
    ("windows-1252", "cp1252", ("müller", "zoë")),
    ("latin-1", "latin-1", ("müller", "señor")),
    ("windows-1250", "cp1250", ("anna-łóś",)),
    ("windows-1251", "cp1251", ("игрок7", "Ёж")),
    ("cp850", "cp850", ("müller",)),
    ("shift_jis", "shift_jis", ("選手", "カナ")),
    ("gb18030", "gb18030", ("选手",)),
)
_NAMES: Mapping[str, tuple[str, ...]] = {
    "transaction_id": (
        "transaction_id",
        "TxId",
        "Transaction ID",
        "Buchungs-Nr.",
        "№ операции",
    ),
    "action": ("action", "Type", "Vorgang", "Opération", "тип"),
    "user_id": ("user_id", "Player", "Spieler", "Joueur", "игрок"),
    "currency": ("currency", "Ccy", "Währung", "Devise", "валюта"),
    "amount": ("amount", "Amount (net)", "Betrag", "Montant", "сумма"),
    "rollback_transaction_id": ("rollback_transaction_id", "Original", "Storno zu", "отмена"),
    "created_at": ("created_at", "When", "Zeitpunkt", "Date d'opération", "время"),
}
_PARTS = (("Date", "Time", "Zone"), ("Tag", "Uhrzeit", "TZ"), ("d", "t", "z"))
_WORDS = (
    {BET: "BET", RESULT: "CASINO_WIN", ROLLBACK: "CANCEL"},
    {BET: "Einsatz", RESULT: "Gewinn", ROLLBACK: "Storno"},
    {BET: "debit", RESULT: "credit", ROLLBACK: "refund"},
    {BET: "1", RESULT: "2", ROLLBACK: "rollback"},
)
_EXTRAS = ("note", "Game", "IP", "Session", "comment", "Saldo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one file writes its lines.

    Attributes:
        form: ``csv``, ``jsonl``, ``array``, ``xlsx`` or ``parquet``.
        packing: how the file is compressed; empty: it is not.
        encoding, codec: as declared, and as Python writes it.
        players: names that the encoding can write, beside usual ones.
        columns: our names to the names of their columns.
        order: the columns of the header.
        words: our words for actions to those of the file.
        null: written for a value that is missing.
        protection: what spreadsheets get around ids.
        pad: blanks written around values.
        is_number: ids are numbers; amounts of typed formats may be.
        titles: lines above the header; ``header_row``: their number is declared.
        separator: a first line ``sep=;``.
        blanks: blank lines and lines of delimiters occur.
        trailing: each line has one delimiter too many; ``declared`` or ``undeclared``.
        trailer: there is a line of totals.
        newline: the last line ends.
        writer: of a workbook: ``raw``, ``openpyxl`` or ``xlsxwriter``.
    """

    form: str
    packing: str
    encoding: str
    codec: str
    players: tuple[str, ...]
    delimiter: str
    quote: str
    quote_all: bool
    ending: str
    columns: Mapping[str, tuple[str, ...]]
    order: tuple[str, ...]
    words: Mapping[str, str]
    dates: DateStyle
    amounts: AmountStyle
    ids: str
    id_case: str
    null: str
    protection: str
    pad: str
    is_number: bool
    amount_is_number: bool
    titles: int
    header_row: bool
    separator: bool
    blanks: bool
    trailing: str
    trailer: bool
    newline: bool
    writer: str
    currencies: bool

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are none of ours."""
        ours = {name for names in self.columns.values() for name in names}
        return tuple(name for name in self.order if name not in ours)

    @property
    def is_text(self) -> bool:
        """Whether the file is text, packed or not."""
        return self.form in TEXT_FORMS

    @property
    def label(self) -> str:
        """The format as the summary names it."""
        return f"{self.form}.{self.packing}" if self.packing else self.form


def style_of(rng: Random) -> Style:
    """A style in which every file can be read with its settings."""
    form = rng.choice(_FORMS)
    is_csv, is_typed = form == "csv", form in {"xlsx", "parquet"}
    encoding, codec, players = rng.choice(_ENCODINGS)
    if is_typed:
        encoding, codec, players = "utf-8", "utf-8", ("müller", "игрок7")
    amount_is_number = not is_csv and rng.random() < 0.6
    is_number = not is_csv and rng.random() < 0.2
    dates = _dates(rng, form)
    columns = _columns(rng, dates.columns, codec)
    order = _order(rng, columns)
    quote = rng.choice(('"',) * 8 + ("'", "")) if is_csv else '"'
    trailing = rng.choice(("", "", "", "declared", "undeclared")) if is_csv else ""
    if trailing == "undeclared":
        # Only an instant at the end shows that no field has moved.
        order = tuple(sorted(order, key=columns["created_at"].__contains__))
    return Style(
        form=form,
        packing=rng.choice(_PACKINGS) if form in TEXT_FORMS else "",
        encoding=encoding,
        codec=codec,
        players=players,
        delimiter=rng.choice(",,;;\t|" if quote else "\t|"),
        quote=quote,
        quote_all=quote != "" and rng.random() < 0.3,
        ending=rng.choice(("\n", "\n", "\r\n", "\r\n", "\r")) if is_csv else "\n",
        columns=columns,
        order=order,
        words=rng.choice(({}, {}, *_WORDS)) if not is_csv or quote else {},
        dates=dates,
        amounts=_amounts(rng, codec, is_number=amount_is_number),
        ids="numbers" if is_number else rng.choice(("plain", "plain", "digits")),
        id_case=rng.choice(("", "", "", "", "lower", "upper")),
        null=rng.choice(("", "", "", "NULL", "-", "\\N", "n/a")) if not is_number else "",
        protection=_protection(rng, form, quote, is_number=is_number),
        pad=_pad(rng, codec) if not is_number else "",
        is_number=is_number,
        amount_is_number=amount_is_number,
        titles=rng.choice((0, 0, 0, 1, 3)) if form in {"csv", "xlsx"} else 0,
        header_row=rng.random() < 0.3,
        separator=is_csv and rng.random() < 0.08,
        blanks=form in {"csv", "jsonl", "xlsx"} and rng.random() < 0.2,
        trailing=trailing,
        trailer=form in {"csv", "xlsx"} and rng.random() < 0.35,
        newline=rng.random() < 0.9,
        writer=rng.choice(("raw", "raw", "openpyxl", "xlsxwriter")),
        currencies=rng.random() < 0.3,
    )


def _dates(rng: Random, form: str) -> DateStyle:
    if form in {"xlsx", "parquet"} and rng.random() < 0.6:
        return cell_style(rng, has_offset=form == "parquet")
    return text_style(rng)


def _amounts(rng: Random, codec: str, *, is_number: bool) -> AmountStyle:
    style = amount_style(rng, encoding=codec)
    if not is_number:
        return style
    return AmountStyle(unit=style.unit, sign=style.sign)


def _columns(rng: Random, dates: int, codec: str) -> dict[str, tuple[str, ...]]:
    columns: dict[str, tuple[str, ...]] = {}
    for name in FIELDS:
        names = [text for text in _NAMES[name] if is_encodable(text, codec)]
        columns[name] = (rng.choice(names) if rng.random() < 0.6 else name,)
    if dates > 1:
        columns["created_at"] = rng.choice(_PARTS)[:dates]
    return columns


def _order(rng: Random, columns: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    names = [name for names in columns.values() for name in names]
    if rng.random() < 0.6:
        names += rng.sample(_EXTRAS, rng.choice((1, 2, 3)))
    if rng.random() < 0.5:
        rng.shuffle(names)
    return tuple(names)


def _protection(rng: Random, form: str, quote: str, *, is_number: bool) -> str:
    if form == "parquet" or is_number or quote != '"':
        return ""
    return rng.choice(("", "", "", "=", "'"))


def _pad(rng: Random, codec: str) -> str:
    pad = rng.choice(("", "", "", " ", "  ", "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}"))
    return pad if is_encodable(pad, codec) else ""


def settings_of(style: Style, codes: set[str]) -> dict[str, object]:
    """The settings that a user writes for files of this style.

    Args:
        style: of the files.
        codes: the currencies of their lines.
    """
    columns = {
        name: names[0] if len(names) == 1 else list(names)
        for name, names in style.columns.items()
        if names != (name,)
    }
    settings: dict[str, object] = {**style.amounts.settings, **style.dates.settings}
    if columns:
        settings["columns"] = columns
    if style.words:
        settings["actions"] = {theirs: ours for ours, theirs in style.words.items()}
    if style.null:
        settings["null_text"] = [style.null]
    if style.is_number:
        settings["numeric_ids"] = True
    if style.id_case:
        settings["id_case"] = style.id_case
    if style.currencies:
        settings["currencies"] = sorted(codes or {"USD"})
    return settings | _layout_settings(style)


def _layout_settings(style: Style) -> dict[str, object]:
    settings: dict[str, object] = {}
    if style.is_text:
        settings["encoding"] = style.encoding
        settings["final_newline"] = style.newline
    if style.form == "csv":
        settings["delimiter"] = "," if style.separator else style.delimiter
        settings["quote"] = style.quote
        settings["trailing_delimiter"] = style.trailing == "declared"
    return settings


def most_minor(style: Style) -> int:
    """The largest amount that the style can write without losing a digit."""
    return 10**14 if style.amount_is_number else 10 ** (9 + min(DIGITS.values()))
