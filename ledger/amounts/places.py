"""Where the amounts of a stretch of batches are: sorted places, packed as their differences.

A stretch is divided into blocks of as many batches each. A place is an amount in minor units
times ``BLOCKS``, plus the number of the block that has it. Places are packed in parts, and no
amount is in two parts, so that a search reads one of them.
"""

from collections.abc import Iterator, Sequence

#: Blocks of a stretch: with fewer of them a search reads more rows that others moved.
BLOCKS = 512
#: Amounts below this one are listed, in minor units; others have to be looked for.
LISTED_BELOW = 2**52
#: Places of a part, unless one amount has more.
PART_PLACES = 512
#: Seven bits of a number are in each of its bytes; the eighth says that another one follows.
_LOW, _BASE = 0x7F, 0x80


def parts_of(places: Sequence[int], size: int = PART_PLACES) -> Iterator[Sequence[int]]:
    """Places in order, cut where an amount ends into parts of at least ``size`` of them."""
    start = 0
    for index in range(1, len(places)):
        is_same = places[index] // BLOCKS == places[index - 1] // BLOCKS
        if index - start >= size and not is_same:
            yield places[start:index]
            start = index
    if places:
        yield places[start:]


def pack(places: Sequence[int]) -> bytes:
    """Places in order as bytes: the first one, and how far each is from the one before."""
    packed = bytearray()
    before = 0
    for place in places:
        distance, before = place - before, place
        while distance >= _BASE:
            packed.append(distance & _LOW | _BASE)
            distance >>= 7
        packed.append(distance)
    return bytes(packed)


def blocks_of(packed: bytes, amount: int) -> list[int]:
    """The blocks that have an amount, in order, by a part as it was packed."""
    first, beyond = amount * BLOCKS, (amount + 1) * BLOCKS
    blocks: list[int] = []
    place = distance = shift = 0
    for byte in packed:
        distance |= (byte & _LOW) << shift
        if byte & _BASE:
            shift += 7
            continue
        place += distance
        if place >= beyond:
            break
        if place >= first:
            blocks.append(place - first)
        distance = shift = 0
    return blocks
