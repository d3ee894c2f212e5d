"""Mutants of good files in every format: a record or a finding, never an error or a hang."""

import io

import pytest

from feeds.statements.reading.table import UnreadableRow
from tests.harness.statement_mutants import FORMATS, RECORDS, read_mutants, rules_of
from tests.unit.feeds.statement_files import ids, statement_reader

#: Read in this process: a crash of pyarrow would end the tests.
HERE = [name for name in FORMATS if not name.endswith(".parquet")]


@pytest.mark.parametrize("name", FORMATS)
def test_the_good_file_is_read_without_a_finding(name: str) -> None:
    lines = list(statement_reader(rules_of(name)).read(io.BytesIO(FORMATS[name]()), name))

    assert not any(isinstance(line, UnreadableRow) for line in lines)
    assert ids(lines) == [f"t-{number}" for number in range(RECORDS)]


@pytest.mark.parametrize("name", HERE)
def test_no_mutant_breaks_the_reader(name: str) -> None:
    outcome = read_mutants(name, 300, apart=False)

    assert outcome.failures == []
    assert outcome.refused > 100


@pytest.mark.parametrize("name", [name for name in FORMATS if name.endswith(("t", "d.xlsx"))])
def test_no_mutant_breaks_the_import_of_formats_that_a_child_reads(name: str) -> None:
    outcome = read_mutants(name, 12)

    assert outcome.failures == []
