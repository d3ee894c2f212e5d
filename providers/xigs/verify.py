"""Whether the platform sent a webhook: a header signs the body, keys sorted at every depth.

For our own requests the document defines the signature as HMAC-SHA512 over JSON with object
keys sorted recursively; for its webhooks we assume the same. Its code is JavaScript, so the
text signed is what JavaScript prints after parsing and sorting: numbers from the nearest
double, and integer-like keys first, because JavaScript objects order them so. A signature over
the bytes as sent is accepted too: either needs the secret.

If the sorted form matched, the verified document has the numbers *that were signed*: two tokens
that share a double share a signature, so the token sent proves nothing.
"""

import hmac
import re

from providers.contract import Callback, Provider, SigningMethod, Verified
from providers.options import flag_of, text_of
from providers.wire.decode import Json, decode_json
from providers.wire.javascript import rounded, sorted_payload
from providers.wire.signatures import HMAC_SHA512_COMMAND, matches
from vocabulary.errors import Malformed, NotAuthentic, SignatureMissing

_SIGNATURE = re.compile(r"[0-9A-Fa-f]{128}", re.ASCII)


def signature_headers(provider: Provider) -> tuple[str, ...]:
    """The configured header."""
    return (text_of(provider, "signature_header").lower(),)


def signing(provider: Provider) -> SigningMethod:
    """The sorted text or the raw body, under an HMAC in the configured header."""
    return SigningMethod(
        digest="HMAC-SHA512",
        place=f"the header {text_of(provider, 'signature_header')}",
        text="the body with its keys sorted at every depth, as JSON.stringify prints it, or the"
        " body as sent",
        command=HMAC_SHA512_COMMAND,
    )


def verify(callback: Callback, provider: Provider) -> Verified:
    """Prove the sender; the document is None where the bytes as sent were signed.

    Raises:
        NotAuthentic: no signature, or one that none of the secrets gives.
    """
    (name,) = signature_headers(provider)
    presented = callback.headers.get(name)
    if not presented:
        raise SignatureMissing(f"the header {name} is missing")
    # A signature of another shape cannot match, so the body is not even decoded.
    if _SIGNATURE.fullmatch(presented) is None:
        raise NotAuthentic("the signature does not hold")
    if flag_of(provider, "raw_body_signatures") and _matches(
        presented, callback.body, provider
    ):
        return Verified(callback, None, callback.body, presented)
    return _verified_sorted(callback, presented, provider)


def _verified_sorted(callback: Callback, presented: str, provider: Provider) -> Verified:
    try:
        document = rounded(decode_json(callback.body))
        text = sorted_text(document)
    except Malformed:
        # Not chained: an untrusted body's faults are no finding.
        raise NotAuthentic("the signature does not hold") from None
    if not _matches(presented, text, provider):
        raise NotAuthentic("the signature does not hold")
    return Verified(callback, document, text, presented)


def sorted_text(document: Json) -> bytes:
    """Compact JSON of an object with sorted keys at every depth; number tokens as given.

    Raises:
        Malformed: not an object, or a key is ``__proto__``.
    """
    if not isinstance(document, dict):
        raise Malformed("body", "an object is expected")
    return sorted_payload({key: _sorted(inner) for key, inner in document.items()})


def _sorted(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=_code_units)}
    if isinstance(value, list):
        return [_sorted(inner) for inner in value]
    return value


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _matches(presented: str, message: bytes, provider: Provider) -> bool:
    return matches(presented, message, provider.secrets, digest=_hmac_sha512)


def _hmac_sha512(secret: bytes, message: bytes) -> str:
    return hmac.digest(secret, message, "sha512").hex()
