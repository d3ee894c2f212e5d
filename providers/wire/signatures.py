"""Keyed digests and their comparison: constant time, and total over whatever a stranger sends.

Nothing here raises on input: a header of a megabyte, of non-ASCII text or of undecodable bytes
simply does not match. Text is compared as bytes, because ``hmac.compare_digest`` raises a
foreign error for text that is not ASCII.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256

#: Longest signature text that is looked at, in characters; a SHA-512 in hex has 128.
SIGNATURE_CHARS_MAX = 512

#: A digest: (secret, message) to lower-case hex.
Digest = Callable[[bytes, bytes], str]


def hmac_sha256(secret: bytes, message: bytes) -> str:
    """HMAC-SHA256 of the message in lower-case hex."""
    return hmac.digest(secret, message, "sha256").hex()


def sha256_of_message_and_secret(secret: bytes, message: bytes) -> str:
    """SHA-256 of the message followed by the secret, in lower-case hex."""
    return sha256(message + secret).hexdigest()


def matches(
    presented: str, message: bytes, secrets: tuple[bytes, ...], *, digest: Digest = hmac_sha256
) -> bool:
    """Whether any of the secrets gives the presented signature for the message.

    All secrets are tried, so that the time taken does not tell which one is live. An empty
    secret never matches: everybody holds it.
    """
    if len(presented) > SIGNATURE_CHARS_MAX:
        return False
    given = presented.encode("utf-8", "surrogatepass")
    found = False
    for secret in secrets:
        same = hmac.compare_digest(digest(secret, message).encode("ascii"), given)
        found |= same and secret != b""
    return found
