"""Keyed digests, compared in constant time. No input raises an error.

A header of a megabyte, of non-ASCII text or of undecodable bytes does not match. Text is
compared as bytes, because ``hmac.compare_digest`` raises for text that is not ASCII. Hex is the
same number in either case, so upper-case digits are accepted.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256

#: Longest signature compared, in characters; a SHA-512 in hex has 128.
SIGNATURE_CHARS_MAX = 512

#: Commands that print the digest of FILE under $SECRET, for people who check one by hand.
HMAC_SHA256_COMMAND = 'openssl dgst -sha256 -hmac "$SECRET" FILE'
HMAC_SHA512_COMMAND = 'openssl dgst -sha512 -hmac "$SECRET" FILE'
SHA256_OF_BOTH_COMMAND = '(cat FILE; printf %s "$SECRET") | openssl dgst -sha256'
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

    All secrets are tried, so that the time does not reveal which one matched. An empty secret
    never matches: everybody knows it.
    """
    if len(presented) > SIGNATURE_CHARS_MAX:
        return False
    signature = presented.encode("utf-8", "surrogatepass").lower()  # ASCII letters only
    matched = False
    for secret in secrets:
        same = hmac.compare_digest(digest(secret, message).encode("ascii"), signature)
        matched |= same and secret != b""
    return matched
