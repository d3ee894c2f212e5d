"""What takes the place of bytes that left the database: their digest. Pure.

``digest_of_bytes`` of ``storage/schema/archive.sql`` computes the same.
"""

from hashlib import sha256

#: No request and no line of a feed begins with a zero byte.
_MARK = b"\x00"
_DIGEST_BYTES = 16


def digest_of_bytes(headers: str, body: bytes) -> bytes:
    """What stands in the database for archived headers and body."""
    return _MARK + sha256(headers.encode() + _MARK + body).digest()[:_DIGEST_BYTES]


def is_let_go(body: bytes) -> bool:
    """Whether a body or line is only a digest, so that the archive has the bytes."""
    return len(body) == 1 + _DIGEST_BYTES and body.startswith(_MARK)
