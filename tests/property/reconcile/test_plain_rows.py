"""Reading column by column gives what reading row by row gives, for any file and settings."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Literal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.file_format import (
    AmountSign,
    AmountUnit,
    FileRules,
    Grouping,
    IdCase,
    Trailer,
)
from providers.registry import DIALECTS
from providers.statements.format import FieldKind
from tests.harness.staged_lines import read_both_ways
from tests.unit.feeds.statement_files import statement_reader

_WARSAW = ZoneInfo("Europe/Warsaw")
_RULES = (
    FileRules(),
    FileRules(zone=_WARSAW, final_newline=False, currencies=("USD", "EUR")),
    FileRules(delimiter=";", decimal=",", thousands="."),
    FileRules(delimiter=";", decimal=",", thousands=" ", id_trim=False),
    FileRules(delimiter=";", thousands=",", grouping=Grouping.LAKH),
    FileRules(unit=AmountUnit.MINOR, id_case=IdCase.LOWER),
    FileRules(sign=AmountSign.PLAYER, id_case=IdCase.UPPER),
    FileRules(sign=AmountSign.OPERATOR, null_text=("NULL", "0.00", "2026-06-04T09:30:00Z")),
    FileRules(actions={"BET": "bet", "W": "result", "makeBet": "makeBet"}, numeric_ids=True),
    FileRules(dates="%d.%m.%Y %H:%M:%S", zone=_WARSAW, null_text=()),
    FileRules(quote="", trailing_delimiter=True),
    FileRules(trailer=Trailer(marker="END", rows=2)),
    FileRules(limits=ReadLimits(rows=7)),
    FileRules(limits=ReadLimits(cells=60)),
    FileRules(encoding="windows-1252"),
)
_VALUES: Mapping[FieldKind, Sequence[str]] = {
    FieldKind.ID: (
        *("t-1", "T-2", "a:b_c", "7e10", "1.0", "1,50", "1.2E+10", "a b", " t-3 ", "x" * 128),
        *("x" * 129, "", "null", "NULL", "-", '="1001"', "'1001", "t\\N", "t-\xe9", "t\u200b"),
        *("a\nb", "a\tb", "END", "na", "-t", "0"),
    ),
    FieldKind.WORD: (
        *("bet", "result", "rollback", "makeBet", "closed", "open", "cancelled", "BET", "W"),
        *("USD", "EUR", "JPY", "BTC", "DOGE", "usd", "", "NULL", " USD", "U$D"),
    ),
    FieldKind.AMOUNT: (
        *("10.00", "0.00", "1", "007.50", "1.5", "10.000", "0.00000001", "-10.00", "+1.00"),
        *("10,00", "1.000,50", "1,000.50", "1 000,00", "12,34,567.00", "$5.00", "(5.00)"),
        *("ten", "", "NULL", "1e3", "99999999999999999.00", "100000000000000000000", " 2.00 "),
    ),
    FieldKind.INSTANT: (
        *("2026-06-04T09:30:00Z", "2026-06-04T09:30:00.5Z", "2026-06-04T09:30:00+02:00"),
        *(
            "2026-06-04 09:30:00",
            "2026-02-30T09:30:00Z",
            "2026-06-04T24:00:00Z",
            "0001-01-01T00:00:00Z",
        ),
        *(
            "04.06.2026 09:30:00",
            "25.10.2026 02:30:00",
            "yesterday",
            "",
            "2026-06-04T09:30:00.1234567Z",
        ),
    ),
}
#: What most lines of a file have, so that many of them are plain.
_PLAIN = {
    FieldKind.ID: "t-1",
    FieldKind.AMOUNT: "10.00",
    FieldKind.INSTANT: "2026-06-04T09:30:00Z",
}
_WORDS = {"action": ("bet", "result"), "type": ("makeBet",), "status": ("closed", "open")}


@st.composite
def files(draw: st.DrawFn) -> tuple[str, FileRules, bytes]:
    """A dialect, the settings of a file, and the file."""
    dialect = draw(st.sampled_from(("sportsbook", "agent_platform", "xigs")))
    rules = draw(st.sampled_from(_RULES))
    shape = DIALECTS[dialect].statement
    assert shape is not None
    names = [*shape.fields, "note"]
    out = io.StringIO()
    line_end = draw(st.sampled_from(("\n", "\n", "\r\n", "\r")))
    quoting: Literal[0, 1] = draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    writer = csv.writer(
        out, delimiter=rules.delimiter, quoting=quoting, lineterminator=line_end
    )
    writer.writerow(names)
    for _ in range(draw(st.integers(0, 8))):
        odd = draw(st.sets(st.sampled_from(names), max_size=1))
        writer.writerow(
            [_cell(draw, shape.fields, rules, name, is_odd=name in odd) for name in names]
        )
    tail = draw(st.sampled_from(("", "", "END,3" + line_end, ",,," + line_end, "t-9,bet")))
    return dialect, rules, (out.getvalue() + tail).encode(rules.encoding, "replace")


def _cell(
    draw: st.DrawFn,
    fields: Mapping[str, FieldKind],
    rules: FileRules,
    name: str,
    *,
    is_odd: bool,
) -> str:
    if name == "note":
        return draw(
            st.sampled_from(("gl hf", "a\nb", 'say "hi"', "\xfc;,")) if is_odd else st.just("")
        )
    if is_odd:
        return draw(st.sampled_from(_VALUES[fields[name]]))
    if name == "currency":
        return "USD"
    if name in _WORDS:
        return draw(st.sampled_from(_WORDS[name]))
    if name in {"rollback_transaction_id", "original_transaction_id"}:
        return ""
    return _plain_value(fields[name], rules)


def _plain_value(kind: FieldKind, rules: FileRules) -> str:
    if kind is FieldKind.AMOUNT and rules.unit is AmountUnit.MINOR:
        return "1000"
    if kind is FieldKind.INSTANT and rules.dates is not None:
        return "04.06.2026 09:30:00"
    value = _PLAIN[kind]
    return value.replace(".", rules.decimal) if kind is FieldKind.AMOUNT else value


@settings(max_examples=200)
@given(files())
def test_columns_and_rows_are_read_the_same(file: tuple[str, FileRules, bytes]) -> None:
    dialect, rules, data = file

    singly, together = read_both_ways(statement_reader(rules, dialect=dialect), data, "day.csv")

    assert singly == together
