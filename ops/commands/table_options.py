"""How the values of a players or invoice file are written, as options of commands."""

from typing import Annotated

import typer

from feeds.statements.reading.file_format import FileRules, text_encoding
from vocabulary.errors import Malformed

Decimal = Annotated[str, typer.Option(help="The decimal mark of amounts.")]
Thousands = Annotated[str, typer.Option(help="The mark of thousands, if amounts have one.")]
Encoding = Annotated[str, typer.Option(help="Of a text file.")]
NullText = Annotated[
    list[str] | None, typer.Option(help="A text that means no value; may be repeated.")
]
NumericIds = Annotated[
    bool, typer.Option("--numeric-ids", help="Accept ids that a workbook has as numbers.")
]


def table_rules(
    decimal: str,
    thousands: str,
    encoding: str,
    null_text: list[str] | None,
    *,
    numeric_ids: bool,
) -> FileRules:
    """The rules that these options declare.

    Raises:
        Malformed: the marks are not single characters, or are the same; no such encoding.
    """
    if len(decimal) != 1 or len(thousands) > 1 or decimal == thousands:
        raise Malformed("--decimal", "one mark is expected, and another one for --thousands")
    try:
        codec = text_encoding(encoding)
    except ValueError as error:
        raise Malformed("--encoding", f"{error} is expected") from error
    return FileRules(
        decimal=decimal,
        thousands=thousands,
        encoding=codec,
        null_text=None if null_text is None else tuple(null_text),
        numeric_ids=numeric_ids,
        final_newline=False,
    )
