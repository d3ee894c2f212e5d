"""Statement files under the column names of the settings: read, or only looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ops.providers import ConfiguredProvider
from ops.settings_statement import fields_of
from providers.choices import texts_of
from providers.contract import Provider, Unreadable
from providers.statement import PREVIEW_LINES, Column, preview_columns, rename_columns
from vocabulary.facts import HistoryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a file would become, as far as it was looked at.

    Attributes:
        columns: in the order of the file; none where its lines have no columns.
        missing: fields for which there is no column.
        readable: lines that would be taken in.
        unreadable: lines that would not.
    """

    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    readable: int
    unreadable: tuple[Unreadable, ...]


def read_file(
    file: Path, chosen: ConfiguredProvider, columns: Mapping[str, str]
) -> Iterator[HistoryRecord | Unreadable]:
    """Stream a statement of a provider that has them.

    Args:
        file: opened when the first line is asked for.
        chosen: whose dialect reads statements.
        columns: our name of a field to the name of its column, as configured.
    """
    read = chosen.dialect.read_statement
    assert read is not None  # asked before
    expected = _expected(chosen.dialect.name, chosen.provider)
    with file.open("rb") as raw:
        named = {column: expected.get(ours, ours) for ours, column in columns.items()}
        stream = rename_columns(raw, named)
        if isinstance(stream, Unreadable):
            yield stream
            return
        yield from read(stream, chosen.provider)


def preview_file(file: Path, chosen: ConfiguredProvider, columns: Mapping[str, str]) -> Preview:
    """Look at the beginning of a statement; nothing is stored."""
    fields = {**_expected(chosen.dialect.name, chosen.provider), **columns}
    told: tuple[Column, ...] = ()
    if fields:
        with file.open("rb") as stream:
            found = preview_columns(stream, {name: ours for ours, name in fields.items()})
        told = () if isinstance(found, Unreadable) else found
    lines = list(islice(read_file(file, chosen, columns), PREVIEW_LINES))
    unreadable = tuple(each for each in lines if isinstance(each, Unreadable))
    there = {each.becomes for each in told}
    return Preview(
        columns=told,
        missing=tuple(ours for ours in fields if told and ours not in there),
        readable=len(lines) - len(unreadable),
        unreadable=unreadable,
    )


def _expected(dialect: str, provider: Provider) -> dict[str, str]:
    """Our name of each field to the name that the dialect looks for."""
    fields = fields_of(dialect)
    names = fields
    if dialect == "agent_platform":
        names = texts_of(provider, "statement_columns")
    # A list of another length is the dialect's own finding.
    return dict(zip(fields, names, strict=False))
