"""Damage of Parquet files: a page with another checksum or a lost row is a finding."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.finding_kinds import FindingKind
from providers.sportsbook.feed import COLUMNS
from tests.unit.feeds.statement_files import BET, ids, problems, read, values


def parquet(rows: int) -> bytes:
    columns = dict(zip(COLUMNS, zip(*[values(BET)] * rows, strict=True), strict=True))
    out = io.BytesIO()
    pq.write_table(
        pa.table({name: list(column) for name, column in columns.items()}),
        out,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
    )
    return out.getvalue()


@pytest.mark.parametrize("text", [b"t-1", b"42", b"10.00", b"2026-06-04"])
def test_a_changed_byte_of_a_page_with_a_checksum_is_a_finding(text: bytes) -> None:
    data = parquet(2)
    place = data.index(text)
    changed = data[: place + 1] + bytes([data[place + 1] ^ 1]) + data[place + 2 :]

    assert ids(read(data, "day.parquet")) == ["t-1", "t-1"]
    assert [kind for _, kind, _ in problems(read(changed, "day.parquet"))] == [
        FindingKind.TRUNCATED_FILE
    ]
