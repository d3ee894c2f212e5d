"""Whether the sportsbook sent a callback: a hash of the raw body, in a header spelt two ways.

The document says ``X-Security-Hash`` in its prose and ``X-Securty-Hash`` in its samples, so
both are read; where both are sent, both must hold. A missing header is a refusal.
"""

from collections.abc import Mapping

from providers.contract import Callback, Provider, SigningMethod, Verified
from providers.options import text_of
from providers.wire.signatures import (
    HMAC_SHA256_COMMAND,
    SHA256_OF_BOTH_COMMAND,
    Digest,
    hmac_sha256,
    matches,
    sha256_of_message_and_secret,
)
from vocabulary.errors import NotAuthentic, SignatureMissing

HEADERS = ("x-security-hash", "x-securty-hash")

_DIGESTS: Mapping[str, Digest] = {
    "hmac_sha256": hmac_sha256,
    "sha256_body_secret": sha256_of_message_and_secret,
}


def signature_headers(_provider: Provider) -> tuple[str, ...]:
    """Both spellings of the header that holds the hash."""
    return HEADERS


def signing(provider: Provider) -> SigningMethod:
    """The raw body, under the configured digest."""
    is_hmac = text_of(provider, "digest") == "hmac_sha256"
    return SigningMethod(
        digest="HMAC-SHA256" if is_hmac else "SHA-256 of the text followed by the secret",
        place="the header X-Security-Hash, or X-Securty-Hash",
        text="the body as sent",
        command=HMAC_SHA256_COMMAND if is_hmac else SHA256_OF_BOTH_COMMAND,
    )


def verify(callback: Callback, provider: Provider) -> Verified:
    """Prove the sender over the raw bytes.

    Raises:
        NotAuthentic: no hash, or a hash that none of the secrets gives.
    """
    presented = [callback.headers[name] for name in HEADERS if name in callback.headers]
    if not presented:
        raise SignatureMissing("the header X-Security-Hash is missing")
    digest = _DIGESTS[text_of(provider, "digest")]
    for text in presented:
        if not matches(text, callback.body, provider.secrets, digest=digest):
            raise NotAuthentic("the hash does not hold")
    return Verified(callback, None, callback.body, presented[0])
