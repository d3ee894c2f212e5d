"""What ``tieout feed import --preview`` says of a file."""

import json
from pathlib import Path
from typing import Any

import typer

from ops.providers.statements import Preview

#: Unreadable lines printed one by one; the rest are counted.
SHOWN_MAX = 5
#: Characters shown of a value.
VALUE_CHARS = 40


def show_preview(file: Path, preview: Preview, *, as_json: bool) -> None:
    """Print what each column becomes, its values as booked, and how many lines are readable."""
    if as_json:
        typer.echo(json.dumps(_json(preview), indent=2))
        return
    for column in preview.columns:
        becomes = f"becomes {column.becomes}" if column.becomes else "is ignored"
        shown = ", ".join(_fit(value) for value in column.booked or column.first)
        kinds = "" if column.kinds == ("text",) else f" ({', '.join(column.kinds)})"
        typer.echo(f"{_fit(column.name)} {becomes}{kinds}; {column.values} values: {shown}")
    for field in preview.missing:
        typer.echo(f"no column for {field}", err=True)
    for each in preview.unreadable[:SHOWN_MAX]:
        typer.echo(f"{file}:{each.line}: {each.reason}", err=True)
    typer.echo(
        f"of the first lines {preview.readable} would be taken in,"
        f" {len(preview.unreadable)} would not; nothing was stored"
    )


def _fit(value: str) -> str:
    """A value as a terminal may be given it: a file decides nothing about the screen."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value
    )[:VALUE_CHARS]


def _json(preview: Preview) -> dict[str, Any]:
    return {
        "columns": [
            {
                "column": each.name,
                "field": each.becomes,
                "values": each.values,
                "first": list(each.first),
                "kinds": list(each.kinds),
                "booked": list(each.booked),
            }
            for each in preview.columns
        ],
        "missing": list(preview.missing),
        "readable": preview.readable,
        "unreadable": [
            {"line": each.line, "reason": each.reason} for each in preview.unreadable
        ],
    }
