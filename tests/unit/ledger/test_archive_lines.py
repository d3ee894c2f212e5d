"""The rows of an archive are printed as PostgreSQL prints them; months and digests."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from ledger.archive.lines import printed_lines
from ledger.archive.months import month_bounds, month_end
from storage.archive.digests import digest_of_bytes, is_let_go

AT = datetime(2026, 6, 4, 12, 0, 5, 120_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, "null"),
        (True, "true"),
        (-7, "-7"),
        ('a"\\\n\x01é', '"a\\"\\\\\\n\\u0001é"'),
        (b"\x00\xff", '"\\\\x00ff"'),
        (AT, '"2026-06-04T12:00:05.12+00:00"'),
        (AT.replace(microsecond=0), '"2026-06-04T12:00:05+00:00"'),
        (AT.replace(year=33), '"0033-06-04T12:00:05.12+00:00"'),
    ],
)
def test_a_value_is_printed_as_postgresql_prints_it(value: object, printed: str) -> None:
    batch = pa.RecordBatch.from_pylist([{"x": value, "unsealed": 1}, {"x": None}])
    first, second = printed_lines("operation", ["x"], batch)
    assert first == f'{{"operation":{{"x":{printed}}}}}\n'.encode()
    assert second == b'{"operation":{"x":null}}\n'


def test_what_an_archive_cannot_hold_is_refused() -> None:
    batch = pa.RecordBatch.from_pylist([{"x": 1.5}])
    with pytest.raises(TypeError, match="double"):
        printed_lines("operation", ["x"], batch)


def test_a_month_ends_where_the_next_begins() -> None:
    assert month_end(date(2026, 12, 1)) == date(2027, 1, 1)
    assert month_end(date(2028, 2, 1)) == date(2028, 3, 1)
    since, until = month_bounds(date(2026, 6, 1))
    assert (since, until) == (
        datetime(2026, 6, 1, tzinfo=UTC),
        datetime(2026, 7, 1, tzinfo=UTC),
    )


def test_a_digest_is_told_from_bytes() -> None:
    assert is_let_go(digest_of_bytes("", b""))
    assert digest_of_bytes("a", b"b") != digest_of_bytes("", b"ab")
    assert not is_let_go(b"")
    assert not is_let_go(b'{"amount": 123456}')
