"""Whether the hub sent a callback: an RSA signature over the raw body, in a header."""

from providers.contract import Callback, Provider, SigningMethod, Verified
from providers.options import text_of
from providers.wire.rsa import RSA_SHA256_COMMAND, rsa_sha256_matches
from vocabulary.errors import NotAuthentic, SignatureMissing


def signature_headers(provider: Provider) -> tuple[str, ...]:
    """The configured header."""
    return (text_of(provider, "signature_header").lower(),)


def signing(provider: Provider) -> SigningMethod:
    """The raw body, under the hub's private key, in the configured header."""
    return SigningMethod(
        digest="RSA-SHA256 (PKCS#1 v1.5)",
        place=f"the header {text_of(provider, 'signature_header')}, in base64",
        text="the body as sent",
        command=RSA_SHA256_COMMAND,
    )


def verify(callback: Callback, provider: Provider) -> Verified:
    """Prove the sender over the raw bytes.

    Raises:
        NotAuthentic: no signature, or one that none of the keys verifies.
    """
    (name,) = signature_headers(provider)
    presented = callback.headers.get(name)
    if not presented:
        raise SignatureMissing(f"the header {name} is missing")
    if not rsa_sha256_matches(presented, callback.body, provider.secrets):
        raise NotAuthentic("the signature does not hold")
    return Verified(callback, None, callback.body, presented)
