"""What ``tieout feed import --preview`` says of a file."""

import json
from pathlib import Path
from typing import Any

import typer

from ops.providers.statement_guess import Suggestion
from ops.providers.statements import Preview

#: Unreadable lines printed one by one; the rest are counted.
SHOWN_MAX = 5
#: Characters shown of a value.
VALUE_CHARS = 40


def show_preview(
    file: Path, preview: Preview, suggestion: Suggestion | None, *, as_json: bool
) -> None:
    """Print what each column would become, and how many lines would be taken in.

    Settings that would read more of the file are printed to be pasted.
    """
    if as_json:
        typer.echo(json.dumps(_json(preview, suggestion), indent=2))
        return
    for column in preview.columns:
        becomes = f"becomes {column.becomes}" if column.becomes else "is ignored"
        shown = ", ".join(_fit(value) for value in column.first)
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
    if suggestion is not None:
        typer.echo(
            f"these settings would read {suggestion.readable} of them; check them, and paste"
            f" them below the provider:\n\n{_printable(suggestion.block)}\n"
        )
        if suggestion.remark:
            typer.echo(suggestion.remark)


def _printable(block: str) -> str:
    """A table of settings without characters that a terminal obeys."""
    return "\n".join("".join(filter(str.isprintable, line)) for line in block.splitlines())


def _fit(value: str) -> str:
    """A value as a terminal may be given it: a file decides nothing about the screen."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value
    )[:VALUE_CHARS]


def _json(preview: Preview, suggestion: Suggestion | None) -> dict[str, Any]:
    return {
        "columns": [
            {
                "column": each.name,
                "field": each.becomes,
                "values": each.values,
                "first": list(each.first),
                "kinds": list(each.kinds),
            }
            for each in preview.columns
        ],
        "missing": list(preview.missing),
        "readable": preview.readable,
        "unreadable": [
            {"line": each.line, "reason": each.reason} for each in preview.unreadable
        ],
        "suggestion": suggestion
        and {
            "settings": suggestion.block,
            "readable": suggestion.readable,
            "remark": suggestion.remark,
        },
    }
