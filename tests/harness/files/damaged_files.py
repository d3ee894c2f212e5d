"""Damage to a file as a whole: its columns, lines, totals, settings or bytes."""

from collections.abc import Callable
from dataclasses import replace

from tests.harness.files.amounts import is_encodable
from tests.harness.files.damaged_cells import Damage
from tests.harness.files.draft import Draft, Formula, Number, Unquoted, Value
from tests.harness.files.text_files import packed, zipped

_FILE_KINDS = "truncated_file|not_a_statement|wrong_columns|limit_exceeded|unparsable_record"


def _is_csv(draft: Draft) -> bool:
    return draft.style.form == "csv"


def _is_raw_workbook(draft: Draft) -> bool:
    return draft.style.form == "xlsx" and draft.style.writer == "raw"


def _missing_column(draft: Draft) -> None:
    name = draft.rng.choice(("transaction_id", "user_id", "amount", "created_at"))
    place = draft.style.order.index(draft.column(name))
    draft.header[place] = "x" + draft.header[place][:2]
    draft.lines.clear()
    kinds = "wrong_columns|unparsable_record"
    draft.expects(kinds, r"columns are missing|fields are missing|header is expected")


def _column_twice(draft: Draft) -> None:
    place = draft.style.order.index(draft.style.ignored[0])
    draft.header[place] = draft.column("amount")
    draft.lines.clear()
    draft.expects("wrong_columns", "each column once")


def _can_repeat_a_column(draft: Draft) -> bool:
    return draft.style.form in {"csv", "xlsx"} and bool(draft.style.ignored)


def _header_again(draft: Draft) -> None:
    header = dict(zip(draft.style.order, draft.header, strict=True))
    place = draft.rng.randrange(1, len(draft.rows) + 1)
    draft.rows.insert(place, dict(header))
    draft.expects("unparsable_record", "line|id|instant|is expected")


def _short_line(draft: Draft) -> None:
    place = draft.rng.randrange(len(draft.rows))
    draft.widths[place] = draft.rng.choice((-1, 1, 2))
    del draft.lines[place]
    draft.expects("unparsable_record", "fields are expected")


def _wrong_quotes(draft: Draft) -> None:
    place, quote = draft.rng.randrange(len(draft.rows)), draft.style.quote
    texts = (f"say {quote}x{quote} loud", f"{quote}open", f"5{quote} pipe")
    draft.rows[place][draft.style.ignored[0]] = Unquoted(draft.rng.choice(texts))
    del draft.lines[place:]
    draft.expects("unparsable_record|truncated_file", "quotes are wrong|quote is opened")


def _can_break_quotes(draft: Draft) -> bool:
    return _is_csv(draft) and draft.style.quote != "" and bool(draft.style.ignored)


def _has_totals(draft: Draft) -> bool:
    return bool(draft.trailer)


def _line_lost(draft: Draft) -> None:
    place = draft.rng.randrange(len(draft.rows))
    del draft.rows[place], draft.lines[place]
    draft.expects("truncated_file", "another number of lines")


def _line_twice(draft: Draft) -> None:
    place = draft.rng.randrange(len(draft.rows))
    draft.rows.append(dict(draft.rows[place]))
    draft.lines.append(draft.lines[place])
    if draft.trailer:
        draft.expects("truncated_file", "another number of lines")
    else:
        draft.expects("duplicated_key", "this id in several lines")
        draft.needs_store = True


def _wrong_totals(draft: Draft) -> None:
    declared = draft.settings["trailer"]
    assert isinstance(declared, dict)
    name, pattern = draft.rng.choice(
        (("rows", "number of lines"), ("total", "total of amount"))
    )
    place = declared[name] - 1
    draft.trailer[place] = _with_digit(draft.trailer[place])
    draft.expects("truncated_file", f"another {pattern}")


def _with_digit(value: Value) -> Value:
    if isinstance(value, Number | Formula):
        return type(value)(f"7{value.text.lstrip('-')}")
    assert isinstance(value, str)
    digit = next(char for char in value if char.isdigit())
    return value.replace(digit, "9" if digit != "9" else "8", 1)


def _no_totals(draft: Draft) -> None:
    draft.trailer.clear()
    draft.expects("truncated_file", "last line TOTAL is expected")


def _line_after_totals(draft: Draft) -> None:
    row = draft.rng.choice(draft.rows)
    draft.after.append([row[name] for name in draft.style.order])
    draft.expects("truncated_file", "no line is expected after")


def _row_number_twice(draft: Draft) -> None:
    place = draft.rng.randrange(1, len(draft.rows))
    draft.repeats.add(place)
    del draft.lines[place]
    draft.expects("unparsable_record", "each row number is expected once")


def _two_sheets(draft: Draft) -> None:
    draft.two_sheets = True
    draft.lines.clear()
    draft.expects("wrong_columns", "setting sheet")


def _wrong_sheet(draft: Draft) -> None:
    draft.settings["sheet"] = "Juni"
    draft.lines.clear()
    draft.expects("wrong_columns", "a sheet Juni is expected")


def _no_zone(draft: Draft) -> None:
    del draft.settings["timezone"]
    draft.lines.clear()
    draft.expects("unparsable_record", "time zone is missing and none is declared")


def _wrong_delimiter(draft: Draft) -> None:
    others = [char for char in ",;\t|" if char != draft.style.delimiter]
    draft.settings["delimiter"] = draft.rng.choice(others)
    draft.lines.clear()
    pattern = r"looks (comma|semicolon|tab|pipe)-separated: set delimiter"
    draft.expects("wrong_columns|unparsable_record", pattern)


def _wrong_format(draft: Draft) -> None:
    form = "jsonl" if draft.style.form == "array" else draft.style.form
    draft.settings["format"] = draft.rng.choice(
        [other for other in ("csv", "jsonl", "xlsx", "parquet") if other != form]
    )
    draft.lines.clear()
    draft.expects("not_a_statement|wrong_columns|truncated_file", "format|is expected|JSON")


def _other_encoding(draft: Draft) -> None:
    """A file of one encoding whose settings declare another, which its bytes are not."""
    if draft.style.codec == "utf-16":
        draft.settings["encoding"] = draft.rng.choice(("utf-8", "windows-1252"))
    elif draft.style.codec == "utf-16-le":
        draft.settings["encoding"] = "utf-8"
    else:
        draft.settings["encoding"] = draft.rng.choice(("utf-16", "utf-16-le"))
    draft.lines.clear()
    draft.expects("wrong_encoding", "encoding")


def _windows_text(draft: Draft) -> None:
    """A file of Windows whose settings say UTF-8."""
    draft.settings["encoding"] = "utf-8"
    column = draft.column("user_id")
    draft.rows[-1][column] = "müller"
    draft.style = replace(draft.style, codec="cp1252", newline=True, pad="")
    draft.expects("unparsable_record|wrong_encoding", "UTF-8 is expected", is_exact=False)


def _is_windows_text(draft: Draft) -> bool:
    texts = [*draft.header, *(str(v) for row in draft.rows for v in row.values())]
    return draft.style.codec == "utf-8" and all(is_encodable(text, "cp1252") for text in texts)


def _utf_8_as_windows(draft: Draft) -> None:
    """A file in UTF-8 whose settings say Windows: names would become other names."""
    draft.settings["encoding"] = "windows-1252"
    draft.rows[-1][draft.column("user_id")] = draft.rng.choice(("müller", "señor", "zoë"))
    draft.expects("unparsable_record|wrong_encoding", "UTF-8|as declared", is_exact=False)


def _is_utf_8(draft: Draft) -> bool:
    return draft.style.is_text and draft.style.codec == "utf-8" and not draft.style.is_number


def _header_only(draft: Draft) -> None:
    draft.rows.clear()
    draft.lines.clear()
    draft.trailer.clear()
    draft.settings.pop("trailer", None)
    draft.expects("empty_file", "line after the header is expected|is empty|object is expected")


STRUCTURE_DAMAGES: tuple[Damage, ...] = (
    Damage("column missing", lambda draft: True, _missing_column),
    Damage("column twice", _can_repeat_a_column, _column_twice),
    Damage("header again", _is_csv, _header_again),
    Damage(
        "line too short or long", lambda d: _is_csv(d) and not d.style.trailing, _short_line
    ),
    Damage("wrong quotes", _can_break_quotes, _wrong_quotes),
    Damage("line lost", _has_totals, _line_lost),
    Damage("line twice", lambda draft: True, _line_twice),
    Damage("wrong totals", _has_totals, _wrong_totals),
    Damage("no totals", _has_totals, _no_totals),
    Damage("line after the totals", _has_totals, _line_after_totals),
    Damage(
        "row number twice",
        lambda draft: _is_raw_workbook(draft) and len(draft.rows) > 1,
        _row_number_twice,
    ),
    Damage("two sheets", _is_raw_workbook, _two_sheets),
    Damage(
        "wrong sheet",
        lambda d: d.style.form == "xlsx" and d.style.writer != "raw",
        _wrong_sheet,
    ),
    Damage("no time zone", lambda draft: draft.style.dates.zone is not None, _no_zone),
    Damage("wrong delimiter", lambda d: _is_csv(d) and not d.style.separator, _wrong_delimiter),
    Damage("wrong format", lambda draft: True, _wrong_format),
    Damage("wrong encoding", lambda draft: draft.style.is_text, _other_encoding),
    Damage(
        "Windows text as UTF-8",
        lambda d: d.style.is_text and _is_windows_text(d),
        _windows_text,
    ),
    Damage(
        "no lines", lambda draft: draft.style.form in {"csv", "xlsx", "array"}, _header_only
    ),
    Damage("UTF-8 as Windows text", _is_utf_8, _utf_8_as_windows),
)


def _cut(draft: Draft) -> None:
    """The file ends in the middle of its last line, or anywhere if it is packed."""
    style, size = draft.style, len(draft.data)
    pattern = "cut|not closed|is expected, as declared, and these bytes|UTF-8 is expected"
    kinds = "truncated_file|wrong_encoding|unparsable_record"
    if style.packing or not style.is_text or style.form == "array":
        share = draft.rng.uniform(0.55, 0.95)
        draft.data = draft.data[: int(size * share)]
        pattern += "|is empty"
        kinds += "|not_a_statement|empty_file"
    else:
        end = style.ending.encode(_plain(style.codec))
        width = len("x".encode(_plain(style.codec)))
        body = draft.data
        while body.endswith(end):
            body = body.removesuffix(end)
        length = len(body) - max(body.rfind(end), 0) - len(end)
        draft.data = body[: -width * draft.rng.randrange(1, max(2, length // width // 2))]
    draft.expects(kinds, pattern, is_exact=False)


def _plain(codec: str) -> str:
    """The codec without a mark at the start."""
    return {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(codec, codec)


def _can_be_cut(draft: Draft) -> bool:
    return not draft.style.is_text or draft.style.newline or draft.style.form == "array"


def _changed_byte(draft: Draft) -> None:
    data = bytearray(draft.data)
    last = len(data)
    if draft.style.form == "parquet":
        # The footer has no checksum, so nobody could notice a change there.
        last -= 8 + int.from_bytes(data[-8:-4], "little")
    place = draft.rng.randrange(4, last)
    data[place] ^= 1 << draft.rng.randrange(8)
    draft.data = bytes(data)
    draft.expects(f"{_FILE_KINDS}|empty_file|wrong_encoding", ".", is_exact=False)
    draft.may_pass = True


def _is_packed(draft: Draft) -> bool:
    return draft.style.packing != "" or not draft.style.is_text


def _replaced(
    data: Callable[[Draft], bytes], kind: str, pattern: str
) -> Callable[[Draft], None]:
    """A damage that replaces all bytes of the file."""

    def apply(draft: Draft) -> None:
        draft.data = data(draft)
        draft.lines.clear()
        draft.expects(kind, pattern)

    return apply


def _encrypted(draft: Draft) -> bytes:
    """The archive with the flag of encryption at each member."""
    data = draft.data
    local, central = data.find(b"PK\x03\x04"), data.find(b"PK\x01\x02")
    changed = bytearray(data)
    while local >= 0:
        changed[local + 6] |= 1
        local = data.find(b"PK\x03\x04", local + 4)
    while central >= 0:
        changed[central + 8] |= 1
        central = data.find(b"PK\x01\x02", central + 4)
    return bytes(changed)


def _is_zip(draft: Draft) -> bool:
    return draft.style.packing == "zip" or draft.style.form == "xlsx"


def _is_unpacked_text(draft: Draft) -> bool:
    return draft.style.is_text and not draft.style.packing


def _twice_packed(draft: Draft) -> bytes:
    return packed(draft.data, draft.rng.choice(("gz", "bz2", "zip")), draft.name)


_NOISE = b"\x1f\x8a\x01\xc4" * 200
BYTE_DAMAGES: tuple[Damage, ...] = (
    Damage("cut", _can_be_cut, _cut),
    Damage("changed byte", _is_packed, _changed_byte),
    Damage(
        "encrypted archive",
        _is_zip,
        _replaced(_encrypted, "not_a_statement|truncated_file", "encrypted"),
    ),
    Damage(
        "two files in a ZIP archive",
        lambda draft: draft.style.packing == "zip",
        _replaced(
            lambda draft: zipped({"a.csv": draft.data, "b.csv": draft.data}),
            "not_a_statement",
            "one file in the ZIP archive",
        ),
    ),
    Damage(
        "packed twice",
        lambda draft: draft.style.packing in {"gz", "bz2"},
        _replaced(_twice_packed, "not_a_statement", "inside a packed file"),
    ),
    Damage(
        "empty file",
        _is_unpacked_text,
        _replaced(
            lambda draft: b"", "empty_file|not_a_statement|truncated_file", "empty|expected"
        ),
    ),
    Damage(
        "web page",
        _is_unpacked_text,
        _replaced(
            lambda draft: b"<!DOCTYPE html>\n<html><body>503</body></html>\n",
            "not_a_statement|wrong_encoding",
            "web page|encoding",
        ),
    ),
    Damage(
        "old workbook",
        lambda draft: draft.style.form in {"csv", "xlsx"},
        _replaced(
            lambda draft: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + _NOISE,
            "not_a_statement",
            "old or an encrypted workbook",
        ),
    ),
    Damage(
        "PDF",
        lambda draft: draft.style.form in {"csv", "xlsx"},
        _replaced(lambda draft: b"%PDF-1.7\n" + _NOISE, "not_a_statement", "a PDF"),
    ),
)
