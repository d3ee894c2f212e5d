"""Whether the agent platform sent a callback: a hash in a header, over one of three texts.

The document signs with PHP's ``ksort`` and ``json_encode``, but its callback sample is not in
sorted order, so the text that a signature covers is open: the body as sent, or the sorted text,
with PHP's escapes or without. All of them are tried with every secret. Each is a spelling of
the same document, down to its number tokens, so accepting any of them proves that document.
"""

from providers.contract import Callback, Provider, Verified
from providers.options import text_of
from providers.wire.decode import Json, decode_json
from providers.wire.php import sorted_payload
from providers.wire.signatures import matches
from vocabulary.errors import Malformed, NotAuthentic, SignatureMissing

HEADER = "x-signature"

_SORTED = (("sorted_escaped", True), ("sorted_unescaped", False))


def verify(callback: Callback, provider: Provider) -> Verified:
    """Prove the sender; the verified document has its numbers as sent.

    A body that cannot be decoded may still be proven as sent, and is then malformed.

    Raises:
        NotAuthentic: no signature, or one that none of the secrets gives for any text.
    """
    presented = callback.headers.get(HEADER)
    if not presented:
        raise SignatureMissing("the header X-Signature is missing")
    document = _document(callback.body)
    holds = False
    for text in _candidates(callback.body, document, text_of(provider, "signed_text")):
        holds |= matches(presented, text, provider.secrets)
    if not holds:
        raise NotAuthentic("the signature does not hold")
    return Verified(callback, document)


def _document(body: bytes) -> dict[str, Json] | None:
    """The body as an object, or None for whatever else it is."""
    try:
        document = decode_json(body)
    except Malformed:
        return None
    return document if isinstance(document, dict) else None


def _candidates(body: bytes, document: dict[str, Json] | None, allowed: str) -> list[bytes]:
    """The different texts that the signature may be over."""
    texts = [body] if allowed in {"any", "raw"} else []
    for name, escaped in _SORTED:
        if document is None or allowed not in {"any", name}:
            continue
        try:
            texts.append(sorted_payload(document, escaped=escaped))
        except Malformed:  # PHP would not have printed this text
            continue
    return list(dict.fromkeys(texts))
