"""Lines of a statement file, of bounded length."""

from typing import BinaryIO


def next_line(stream: BinaryIO, limit: int) -> bytes:
    """The next line with its end, cut one byte over the limit; empty at the end of the file."""
    line = stream.readline(limit + 1)
    rest = line
    while len(rest) > limit and not rest.endswith(b"\n"):
        rest = stream.readline(limit + 1)
    return line
