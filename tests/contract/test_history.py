"""What every dialect's history must keep, read line by line by the dialect alone."""

import csv
import json
from collections.abc import Mapping

import pytest

from providers.registry import DIALECTS
from providers.statements.format import FieldKind, StatementFormat
from tests.harness.providers.samples import statements
from tests.harness.providers.speaker import configured
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord

WITH_STATEMENTS = [name for name, dialect in DIALECTS.items() if dialect.statement is not None]


def shape_of(name: str) -> StatementFormat:
    shape = DIALECTS[name].statement
    assert shape is not None
    return shape


def first_line(name: str) -> dict[str, str]:
    """The texts of the first line of the dialect's sample statement."""
    (path, *_) = statements(name)
    lines = path.read_text("utf-8").splitlines()
    if path.suffix == ".csv":
        return next(iter(csv.DictReader(lines)))
    return {field: str(value) for field, value in json.loads(lines[0]).items()}


def record(name: str, texts: Mapping[str, str]) -> HistoryRecord:
    cells = {field: texts.get(field, "") for field in shape_of(name).fields}
    return shape_of(name).record(configured(DIALECTS[name]), cells, b"line")


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("0001-01-01T00:00:00Z", False),
        ("1899-12-31T23:59:59Z", False),
        ("1900-01-01T00:00:00Z", True),
        ("9998-12-31T23:59:59Z", True),
        ("9999-12-31T23:59:59Z", False),
    ],
)
@pytest.mark.parametrize("name", WITH_STATEMENTS)
def test_a_date_that_stands_for_none_is_no_instant_of_a_record(
    name: str, text: str, is_taken: bool
) -> None:
    line = first_line(name)
    instants = [
        field for field, kind in shape_of(name).fields.items() if kind is FieldKind.INSTANT
    ]
    assert instants

    for field in instants:
        if is_taken:
            assert record(name, {**line, field: text}).raw == b"line"
        else:
            with pytest.raises(Malformed, match=rf"^{field}: a year from 1900 to 9998 is"):
                record(name, {**line, field: text})
