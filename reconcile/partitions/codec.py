"""Encode the result of one part as bytes, which travel between processes and lie on disk.

Frames are Arrow streams and everything else is JSON, so decoding never runs code. A digest
stands first: bytes that are not complete are refused.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from hashlib import blake2b
from typing import Any

import pandas as pd
import pyarrow as pa

from reconcile.matching.comparison import Comparison
from reconcile.matching.conservation import Identity, SideProof, Tally
from reconcile.snapshot.columns import Columns

#: Changes with what parts hold: parts of an older version are not resumed.
PART_FORMAT = 2
_DIGEST_BYTES = 16
_LENGTH_BYTES = 8


class CorruptPart(ValueError):
    """The bytes are not a complete encoded part."""


def encode_part(part: Comparison, groups: Sequence[bytes]) -> bytes:
    """Encode a part and the encoded unmatched rows that it hands on.

    Only breaks and accepted differences are kept of its rows: the proofs count what agrees, and
    those rows would not fit in memory.

    Args:
        part: the result.
        groups: the encoded unmatched rows, one frame for each group of players.
    """
    frames = (part.breaks, part.residual_rows)
    blobs = [*(encode_frame(frame) for frame in frames), *groups]
    fields_json = {
        "ours": asdict(part.ours),
        "theirs": asdict(part.theirs),
        "edge_rounds": part.edge_rounds,
        "sizes": [len(blob) for blob in blobs],
    }
    header = json.dumps(fields_json).encode()
    return add_digest(b"".join([len(header).to_bytes(_LENGTH_BYTES, "big"), header, *blobs]))


def decode_part(encoded: bytes) -> tuple[Comparison, tuple[bytes, ...]]:
    """Decode what ``encode_part`` returned: the part, and the frames of each group.

    Raises:
        CorruptPart: the bytes are not complete.
    """
    body = verify_digest(encoded)
    start = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "big")
    header = json.loads(body[_LENGTH_BYTES:start])
    blobs = []
    for size in header["sizes"]:
        blobs.append(body[start : start + size])
        start += size
    breaks, residual_rows, *groups = blobs
    part = Comparison(
        ours=_proof(header["ours"]),
        theirs=_proof(header["theirs"]),
        break_rows=Columns.of(decode_frame(breaks)),
        residual_rows=decode_frame(residual_rows),
        edge_rounds=tuple(header["edge_rounds"]),
    )
    return part, tuple(groups)


def join_blobs(blobs: Sequence[bytes]) -> bytes:
    """Join some bytes so that ``split_blobs`` can take them apart."""
    return b"".join(len(blob).to_bytes(_LENGTH_BYTES, "big") + blob for blob in blobs)


def split_blobs(joined: bytes) -> list[bytes]:
    """Take apart what ``join_blobs`` joined."""
    blobs, start = [], 0
    while start < len(joined):
        first = start + _LENGTH_BYTES
        start = first + int.from_bytes(joined[start:first], "big")
        blobs.append(joined[first:start])
    return blobs


def add_digest(body: bytes) -> bytes:
    """Prefix bytes with their digest."""
    return blake2b(body, digest_size=_DIGEST_BYTES).digest() + body


def verify_digest(encoded: bytes) -> bytes:
    """Return the bytes behind a digest.

    Raises:
        CorruptPart: the digest does not match.
    """
    digest, body = encoded[:_DIGEST_BYTES], encoded[_DIGEST_BYTES:]
    if blake2b(body, digest_size=_DIGEST_BYTES).digest() != digest:
        raise CorruptPart("the digest of the encoded part does not match")
    return body


def encode_frame(frame: pd.DataFrame) -> bytes:
    """Encode a frame, without its index, as an Arrow stream."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")
    ) as writer:
        writer.write_table(table)
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded


def decode_frame(encoded: bytes) -> pd.DataFrame:
    """Decode a frame; every column keeps its type."""
    with pa.ipc.open_stream(encoded) as reader:
        frame: pd.DataFrame = reader.read_all().to_pandas()
    return frame


def _proof(stored: Mapping[str, Any]) -> SideProof:
    values: dict[str, Any] = {}
    for proof_field in fields(SideProof):
        name, value = proof_field.name, stored[proof_field.name]
        if name == "folded":
            values[name] = value
        elif name in {"identity", "edge"}:
            values[name] = Identity(**value)
        else:
            totals = tuple((code, stake, payout) for code, stake, payout in value["totals"])
            values[name] = Tally(value["rows"], totals)
    return SideProof(**values)
