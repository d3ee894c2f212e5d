"""RSA signatures as a receiver verifies them and as a client makes them."""

import subprocess
from base64 import b64decode, b64encode
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from providers.wire.rsa import (
    RSA_SHA256_COMMAND,
    SIGNATURE_CHARS_MAX,
    private_key_problem,
    public_key_problem,
    rsa_sha256,
    rsa_sha256_matches,
)
from tests.harness.servers.node import javascript_rsa_signatures

MESSAGE = b'{"amount":1000000}'


@cache
def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


OLD, NEW = private_key("old"), private_key("new")
SIGNATURE = rsa_sha256(private_pem(NEW), MESSAGE)


@pytest.mark.parametrize("live", [(public_pem(OLD), public_pem(NEW)), (private_pem(NEW),)])
def test_any_live_key_verifies_also_by_its_private_half(live: tuple[bytes, ...]) -> None:
    assert rsa_sha256_matches(SIGNATURE, MESSAGE, live)


def test_another_key_another_message_and_no_key_do_not_verify() -> None:
    assert not rsa_sha256_matches(SIGNATURE, MESSAGE, (public_pem(OLD),))
    assert not rsa_sha256_matches(SIGNATURE, MESSAGE + b" ", (public_pem(NEW),))
    assert not rsa_sha256_matches(SIGNATURE, MESSAGE, ())


def test_a_signature_is_the_one_that_node_makes() -> None:
    pem = private_pem(NEW)
    bodies = [MESSAGE.decode(), "", '{"title":"Zoë ☃"}']

    by_node = javascript_rsa_signatures(bodies, pem.decode())

    assert [rsa_sha256(pem, body.encode()) for body in bodies] == by_node


def test_openssl_prints_the_signature_as_a_dispute_pack_says(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(MESSAGE)
    environment = {"PATH": "/usr/bin:/bin", "SECRET": private_pem(NEW).decode()}
    command = RSA_SHA256_COMMAND.replace("FILE", "body")

    printed = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert printed.stdout == SIGNATURE, printed.stderr


def raised(signature: str) -> str:
    """The same bytes in a spelling that lenient decoders accept: other unused last bits."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = signature.rstrip("=")
    last = digits[digits.index(body[-1]) + 1]
    return body[:-1] + last + "=" * (len(signature) - len(body))


@pytest.mark.parametrize(
    "presented",
    [
        "",
        "=",
        SIGNATURE[:-1],
        SIGNATURE + "=",
        SIGNATURE + SIGNATURE,
        f" {SIGNATURE}",
        f"{SIGNATURE}\n",
        SIGNATURE.swapcase(),
        b64decode(SIGNATURE).hex(),
        raised(SIGNATURE),
        b64encode(bytes(256)).decode(),
        b64encode(b"\xff" * 256).decode(),
        "é" * 344,
        "\udcff" * 344,
        "A" * (SIGNATURE_CHARS_MAX + 4),
    ],
)
def test_other_spellings_and_other_bytes_do_not_verify(presented: str) -> None:
    assert not rsa_sha256_matches(presented, MESSAGE, (public_pem(NEW),))


UNUSABLE = {
    "nothing": b"",
    "a shared secret": b"a shared secret",
    "no PEM inside": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    "another kind of key": public_pem(ec.generate_private_key(ec.SECP256R1())),
    "a short key": public_pem(private_key("short", 1024)),
    "a private key of another kind": private_pem(ec.generate_private_key(ec.SECP256R1())),
    "a private key under a passphrase": OLD.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"p")
    ),
}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_be_used_verifies_nothing_and_says_what_is_expected(
    key: bytes,
) -> None:
    assert not rsa_sha256_matches(SIGNATURE, MESSAGE, (key,))
    assert public_key_problem(key).startswith("an RSA ")
    assert private_key_problem(key).startswith("an RSA ")


def test_a_key_that_can_be_used_has_no_problem() -> None:
    assert public_key_problem(public_pem(NEW)) == ""
    assert public_key_problem(private_pem(NEW)) == ""
    assert private_key_problem(private_pem(NEW)) == ""
    assert private_key_problem(public_pem(NEW)) != ""
