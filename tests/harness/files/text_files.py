"""Writes drafts as text files, as many programs do it, and packs them."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Iterator, Sequence

from tests.harness.files.draft import Draft, Formula, Number, Row, Unquoted, Value
from tests.harness.files.style import Style

_TITLES = (
    ("Statement of June",),
    ("Report", "04.06.2026 - 05.06.2026"),
    ("made by", "BO", "v2"),
)


def text_file(draft: Draft) -> bytes:
    """The file of a draft whose form is a text."""
    style = draft.style
    text = "".join(_csv(draft)) if style.form == "csv" else _json(draft)
    if not style.newline:
        text = text.rstrip("\r\n")
    return packed(text.encode(style.codec), style.packing, draft.name)


def packed(data: bytes, packing: str, name: str) -> bytes:
    """The bytes of a file, compressed."""
    match packing:
        case "gz":
            return gzip.compress(data, mtime=0)
        case "bz2":
            return bz2.compress(data)
        case "xz":
            return lzma.compress(data)
        case "zip":
            return zipped({name.removesuffix(".zip"): data})
        case _:
            return data


def zipped(members: dict[str, bytes]) -> bytes:
    """A ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def shown(value: Value) -> str:
    """A cell as text."""
    if isinstance(value, Number | Formula):
        return value.text
    assert value is None or isinstance(value, str), value
    return value or ""


def header_place(draft: Draft, blanks: Sequence[int]) -> int:
    """The number of the header's line, with so many blank lines before it."""
    return 1 + draft.style.titles + sum(blanks) + (1 if draft.style.separator else 0)


def _csv(draft: Draft) -> Iterator[str]:
    style, rng = draft.style, draft.rng
    blanks = [rng.randrange(2) if style.blanks else 0 for _ in range(style.titles)]
    if style.separator:
        yield f"sep={style.delimiter}{style.ending}"
    for title, blank in zip(_TITLES, blanks, strict=False):
        yield csv_record(title, style) + style.ending * blank
    if style.header_row:
        draft.settings["header_row"] = header_place(draft, blanks)
    # The header has no delimiter at its end; the lines may.
    yield csv_record(draft.header, style)
    end = style.delimiter if style.trailing else ""
    for place, row in enumerate(draft.rows):
        yield _blank(draft)
        cells = [shown(row[name]) for name in style.order]
        change = draft.widths.get(place, 0)
        yield csv_record((cells + ["x"] * change)[: len(cells) + change], style, end)
    for values in [draft.trailer] * bool(draft.trailer) + draft.after:
        yield csv_record([shown(value) for value in values], style, end)


def _blank(draft: Draft) -> str:
    style = draft.style
    if not style.blanks or draft.rng.random() < 0.7:
        return ""
    return draft.rng.choice(("", style.delimiter * (len(draft.header) - 1))) + style.ending


def csv_record(values: Sequence[str], style: Style, end: str = "") -> str:
    """One record with its line break."""
    return style.delimiter.join(_field(value, style) for value in values) + end + style.ending


def _field(value: str, style: Style) -> str:
    quote = style.quote
    if not quote or isinstance(value, Unquoted):
        return value
    if value.startswith('="') and value.count('"') == 2 and not style.quote_all:
        return value
    special = (quote, style.delimiter, "\n", "\r")
    if style.quote_all or any(char in value for char in special):
        return f"{quote}{value.replace(quote, quote * 2)}{quote}"
    return value


def _json(draft: Draft) -> str:
    items = [json_object(row, draft) for row in draft.rows]
    if draft.style.form == "jsonl":
        return "".join(f"{item}\n{_gap(draft)}" for item in items)
    joint, edge = draft.rng.choice(((",", ""), (",\n", "\n"), (" ,\r\n  ", "\r\n")))
    return f"[{edge}{joint.join(items)}{edge}]{edge}"


def _gap(draft: Draft) -> str:
    return "\n" if draft.style.blanks and draft.rng.random() < 0.3 else ""


def json_object(row: Row, draft: Draft) -> str:
    """One line as an object."""
    is_ascii = draft.style.codec not in {"utf-8", "utf-16", "cp1252"}
    pairs = (
        f"{_json_value(header, is_ascii)}: {_json_value(row[name], is_ascii)}"
        for header, name in zip(draft.header, draft.style.order, strict=True)
        if name in row
    )
    return "{" + ", ".join(pairs) + "}"


def _json_value(value: Value, is_ascii: bool) -> str:
    if isinstance(value, Number):
        return value.text
    return json.dumps(None if value is None else shown(value), ensure_ascii=is_ascii)
