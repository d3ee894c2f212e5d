"""JSON on standard output: the one encoder behind every ``--json``."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import typer


def print_json(
    value: object,
    *,
    indent: int | None = None,
    instant: Callable[[datetime], str] = datetime.isoformat,
) -> None:
    """Print one JSON document.

    A dataclass becomes an object with its fields in order; an enum becomes its value, a date
    ISO 8601 and a path text.

    Args:
        value: the document.
        indent: spaces per level; None prints one line.
        instant: formats the document's instants.
    """
    plain = msgspec.to_builtins(value, builtin_types=(datetime,), enc_hook=_plain)
    typer.echo(json.dumps(plain, indent=indent, default=instant))


def _plain(value: object) -> object:
    """Convert the types that msgspec does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
