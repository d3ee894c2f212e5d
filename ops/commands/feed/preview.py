"""``tieout feed import --preview``: how the columns of a file would be read."""

from pathlib import Path
from typing import Any

import typer

from ops.commands.json_output import print_json
from ops.providers.statement_guess import Suggestion
from ops.providers.statements import Preview
from vocabulary.plurals import counted

#: Unreadable lines printed one by one; the rest are counted.
SHOWN_MAX = 5
#: Characters shown of a value.
VALUE_CHARS = 40


def print_preview(
    file: Path, preview: Preview, suggestion: Suggestion | None, *, as_json: bool
) -> None:
    """Print what each column becomes, its values as booked, and how many lines are readable.

    Settings that would read more of the file are printed to be pasted.
    """
    if as_json:
        print_json(_preview_json(preview, suggestion), indent=2)
        return
    for column in preview.columns:
        becomes = f"becomes {column.becomes}" if column.becomes else "is ignored"
        shown = ", ".join(_fit(value) for value in column.booked or column.first)
        kinds = "" if column.kinds == ("text",) else f" ({', '.join(column.kinds)})"
        typer.echo(
            f"{_fit(column.name)} {becomes}{kinds}; {counted(column.values, 'value')}: {shown}"
        )
    for field in preview.missing:
        typer.echo(f"no column for {field}", err=True)
    for row in preview.unreadable[:SHOWN_MAX]:
        typer.echo(f"{file}:{row.line}: {row.reason}", err=True)
    typer.echo(
        f"of the first lines {preview.readable} would be imported,"
        f" {len(preview.unreadable)} would not; nothing was stored"
    )
    if suggestion is not None:
        typer.echo(
            f"these settings would read {suggestion.readable} of them; check them, and paste"
            " them below the provider in place of its [providers.statement]:\n\n"
            f"{suggestion.block}\n"
        )
        for question in suggestion.questions:
            typer.echo(_visible(question))


def _fit(value: str) -> str:
    """The beginning of a value, safe to print."""
    return _visible(value)[:VALUE_CHARS]


def _visible(text: str) -> str:
    """Make a text safe to print: a file must not control the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _preview_json(preview: Preview, suggestion: Suggestion | None) -> dict[str, Any]:
    return {
        "columns": [
            {
                "column": column.name,
                "field": column.becomes,
                "values": column.values,
                "first": column.first,
                "kinds": column.kinds,
                "booked": column.booked,
            }
            for column in preview.columns
        ],
        "missing": preview.missing,
        "readable": preview.readable,
        "unreadable": [{"line": row.line, "reason": row.reason} for row in preview.unreadable],
        "suggestion": suggestion
        and {
            "settings": suggestion.block,
            "readable": suggestion.readable,
            "remark": suggestion.remark,
            "questions": suggestion.questions,
        },
    }
