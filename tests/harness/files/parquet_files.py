"""Writes drafts as Parquet files, with the types that programs give their columns."""

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from tests.harness.files.dates import Moment
from tests.harness.files.draft import Draft, Number, Value


def parquet_file(draft: Draft) -> bytes:
    """The file of a draft whose form is Parquet; its pages have checksums."""
    rng = draft.rng
    columns = {
        header: _column(draft, name, [row.get(name) for row in draft.rows])
        for header, name in zip(draft.header, draft.style.order, strict=True)
    }
    out = io.BytesIO()
    pq.write_table(
        pa.table(columns),
        out,
        compression=rng.choice(("snappy", "gzip", "zstd", "none")),
        use_dictionary=rng.random() < 0.5,
        row_group_size=rng.choice((3, 1_000)),
        data_page_version=rng.choice(("1.0", "2.0")),
        write_page_checksum=True,
    )
    return out.getvalue()


def _column(draft: Draft, name: str, values: list[Value]) -> pa.Array:
    rng = draft.rng
    if any(isinstance(value, Moment) for value in values):
        return _instants(draft, values)
    if any(isinstance(value, Number) for value in values):
        return _numbers(draft, name, values)
    texts = pa.array([None if value == "" else value for value in values], pa.string())
    return texts.dictionary_encode() if rng.random() < 0.3 else texts


def _instants(draft: Draft, values: list[Value]) -> pa.Array:
    moments = [value.local if isinstance(value, Moment) else None for value in values]
    if any(isinstance(value, str) for value in values):
        return pa.array([str(m or v) for m, v in zip(moments, values, strict=True)])
    unit = draft.rng.choice(("s", "ms", "us", "ns"))
    has_zone = any(moment is not None and moment.tzinfo for moment in moments)
    return pa.array(moments, pa.timestamp(unit, "UTC" if has_zone else None))


def _numbers(draft: Draft, name: str, values: list[Value]) -> pa.Array:
    texts = [value.text if isinstance(value, Number) else None for value in values]
    if name != draft.column("amount"):
        return pa.array([None if text is None else int(text) for text in texts], pa.int64())
    if draft.rng.random() < 0.3:
        return pa.array([None if text is None else float(text) for text in texts], pa.float64())
    numbers = [None if text is None else Decimal(text) for text in texts]
    return pa.array(numbers, pa.decimal128(30, 8))
