"""A part of a comparison as bytes: what travels between processes and lies on disk.

Frames are Arrow streams, everything else is JSON; nothing in a parcel can run. A digest stands
in front, so that a parcel is whole or is not opened at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from typing import Any

import pandas as pd
import pyarrow as pa

from reconcile.matching.compare import PartResult
from reconcile.matching.conservation import Identity, SideProof, Tally

_DIGEST = 16
_LENGTH = 8


class CorruptPart(ValueError):
    """Bytes that are not a whole parcel."""


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """A part, and the sealed frames it hands on, one for each group of players."""

    part: PartResult
    groups: tuple[bytes, ...]


def pack(part: PartResult, groups: Sequence[bytes]) -> bytes:
    """A part and what it hands on, as bytes.

    Of its rows only the breaks and what was let pass travel, and in ``groups`` those that may
    still be tied: what agrees is told by the proofs, and would not fit in memory.
    """
    frames = (part.breaks, part.tied.head(0), part.passed)
    blobs = [*(seal_frame(frame) for frame in frames), *groups]
    told = {
        "ours": asdict(part.ours),
        "theirs": asdict(part.theirs),
        "reached": part.reached,
        "sizes": [len(blob) for blob in blobs],
    }
    header = json.dumps(told).encode()
    return signed(b"".join([len(header).to_bytes(_LENGTH, "big"), header, *blobs]))


def unpack(parcel: bytes) -> EncodedPart:
    """What ``pack`` packed.

    Raises:
        ParcelBroken: the bytes are not whole.
    """
    body = checked(parcel)
    start = _LENGTH + int.from_bytes(body[:_LENGTH], "big")
    told = json.loads(body[_LENGTH:start])
    blobs = []
    for size in told["sizes"]:
        blobs.append(body[start : start + size])
        start += size
    breaks, tied, passed, *groups = blobs
    left = open_frame(tied)
    part = PartResult(
        ours=_proof(told["ours"]),
        theirs=_proof(told["theirs"]),
        breaks=open_frame(breaks),
        open=left.head(0),
        tied=left,
        passed=open_frame(passed),
        reached=tuple(told["reached"]),
    )
    return EncodedPart(part, tuple(groups))


def signed(body: bytes) -> bytes:
    """The bytes behind their digest."""
    return blake2b(body, digest_size=_DIGEST).digest() + body


def checked(parcel: bytes) -> bytes:
    """What ``signed`` was given.

    Raises:
        ParcelBroken: the digest does not hold.
    """
    digest, body = parcel[:_DIGEST], parcel[_DIGEST:]
    if blake2b(body, digest_size=_DIGEST).digest() != digest:
        raise CorruptPart("the digest of the parcel does not hold")
    return body


def seal_frame(frame: pd.DataFrame) -> bytes:
    """A frame as an Arrow stream, without its index."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")
    ) as writer:
        writer.write_table(table)
    sealed: bytes = sink.getvalue().to_pybytes()
    return sealed


def open_frame(sealed: bytes) -> pd.DataFrame:
    """The frame that was sealed, every column of the kind that it had."""
    with pa.ipc.open_stream(sealed) as reader:
        frame: pd.DataFrame = reader.read_all().to_pandas()
    return frame


def _proof(told: Mapping[str, Any]) -> SideProof:
    values: dict[str, Any] = {}
    for each in fields(SideProof):
        value = told[each.name]
        if each.name == "folded":
            values[each.name] = value
        elif each.name in {"identity", "beyond"}:
            values[each.name] = Identity(**value)
        else:
            totals = tuple((name, stake, payout) for name, stake, payout in value["totals"])
            values[each.name] = Tally(value["rows"], totals)
    return SideProof(**values)
