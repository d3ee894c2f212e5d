"""The lines of a statement in the dialect's own notation, as an import reads them."""

from collections.abc import Iterator
from typing import BinaryIO

from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import UnreadableRow
from providers.contract import Provider
from providers.dialect import Dialect
from vocabulary.facts import HistoryRecord

Line = HistoryRecord | UnreadableRow


def statement_lines(dialect: Dialect, provider: Provider, stream: BinaryIO) -> Iterator[Line]:
    """Read a seekable file for which the settings declare nothing."""
    assert dialect.statement is not None, dialect.name
    reader = StatementReader(dialect, provider, FileRules())
    return reader.read(stream, f"statement.{dialect.statement.native}")
