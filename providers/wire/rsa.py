"""RSA signatures over SHA-256 (PKCS#1 v1.5), for providers that sign with a key of their own.

A receiver holds the provider's public key, so what it stores proves the sender and cannot sign.
Where Tieout plays the provider itself, in a demonstration or a test, the private key may stand
in its place: its public half verifies.

The library is imported with the first key: that takes 90 ms, and most providers share a secret.
"""

import re
from base64 import b64decode, b64encode
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

#: Shortest modulus accepted, in bits.
KEY_BITS_MIN = 2_048
#: Longest signature decoded, in characters of base64; 8,192 bits take 1,368.
SIGNATURE_CHARS_MAX = 1_400
#: Keys kept after they were read; each provider has one, or two while they are exchanged.
KEYS_KEPT_MAX = 64

#: Prints the signature of FILE in base64, with the provider's own private key in $SECRET.
RSA_SHA256_COMMAND = (
    'printf %s "$SECRET" | openssl dgst -sha256 -sign /dev/stdin FILE | openssl base64 -A'
)

_BASE64 = re.compile(r"[0-9A-Za-z+/]+={0,2}", re.ASCII)


def rsa_sha256_matches(presented: str, message: bytes, keys: tuple[bytes, ...]) -> bool:
    """Whether the presented base64 is the signature of the message under any of the keys.

    No input raises an error: what is not the one base64 of a signature does not match, nor does
    anything under a key that cannot be used.

    Args:
        presented: as received.
        message: the bytes that are signed.
        keys: in PEM. All are public, so the time may tell which of them matched.
    """
    signature = _decoded(presented)
    return signature is not None and any(_holds(signature, message, key) for key in keys)


def rsa_sha256(key: bytes, message: bytes) -> str:
    """The signature of a message under a private key in PEM, as base64.

    Raises:
        ValueError: the key cannot be used.
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    return b64encode(_private_key(key).sign(message, PKCS1v15(), SHA256())).decode("ascii")


def public_key_problem(key: bytes) -> str:
    """What a key that verifies lacks; empty where it can be used."""
    try:
        _public_key(key)
    except ValueError as error:
        return str(error)
    return ""


def private_key_problem(key: bytes) -> str:
    """What a key that signs lacks; empty where it can be used."""
    try:
        _private_key(key)
    except ValueError as error:
        return str(error)
    return ""


def _decoded(presented: str) -> bytes | None:
    """The bytes of canonical base64, so that one signature has one spelling."""
    if len(presented) > SIGNATURE_CHARS_MAX or _BASE64.fullmatch(presented) is None:
        return None
    try:
        decoded = b64decode(presented, validate=True)
    except ValueError:
        return None
    return decoded if b64encode(decoded).decode("ascii") == presented else None


def _holds(signature: bytes, message: bytes, key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    try:
        _public_key(key).verify(signature, message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=KEYS_KEPT_MAX)
def _public_key(pem: bytes) -> "RSAPublicKey":
    """A public key, or the public half of a private one.

    Raises:
        ValueError: says what is expected, never what was found.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_public_key,
    )

    if b"PRIVATE KEY-----" in pem:
        return _private_key(pem).public_key()
    # The library's errors may show what was read, so they are not handed on.
    key: object = None
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(pem)
    if isinstance(key, RSAPublicKey):
        return _long_enough(key)
    raise ValueError("an RSA public key in PEM (BEGIN PUBLIC KEY)")


@lru_cache(maxsize=KEYS_KEPT_MAX)
def _private_key(pem: bytes) -> "RSAPrivateKey":
    """A private key without a passphrase.

    Raises:
        ValueError: says what is expected, never what was found.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    key: object = None
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(pem, password=None)
    if isinstance(key, RSAPrivateKey):
        _long_enough(key.public_key())
        return key
    raise ValueError("an RSA private key in PEM, without a passphrase")


def _long_enough(key: "RSAPublicKey") -> "RSAPublicKey":
    if key.key_size < KEY_BITS_MIN:
        raise ValueError(f"an RSA key of at least {KEY_BITS_MIN} bits")
    return key
