"""Whether the agent platform sent a callback: a hash in a header, over one of several texts.

The document signs with PHP's ``ksort`` and ``json_encode``, but its callback sample is not in
sorted order, so the text that a signature covers is open: the body as sent, or the sorted text
under any flags for slashes and unicode. All of them are tried with every secret until one
holds. Each is a spelling of the same document, down to its number tokens, so accepting any of
them proves that document.
"""

from collections.abc import Iterator, Mapping

from providers.contract import Callback, Provider, SigningMethod, Verified
from providers.options import text_of
from providers.wire.decode import Json, decode_json
from providers.wire.php import JsonFlags, sorted_payloads
from providers.wire.signatures import HMAC_SHA256_COMMAND, matches
from vocabulary.errors import Malformed, NotAuthentic, SignatureMissing

#: Holds the signature, of callbacks and of our calls.
HEADER = "X-Signature"

_HEADER_KEY = HEADER.lower()  # as callbacks name their headers
_SLASHES, _UNICODE = JsonFlags.UNESCAPED_SLASHES, JsonFlags.UNESCAPED_UNICODE
_LINES = JsonFlags.UNESCAPED_LINE_TERMINATORS
#: The flags tried for each choice of the option ``signed_text``.
_SORTED: Mapping[str, tuple[JsonFlags, ...]] = {
    "sorted_escaped": (JsonFlags.NONE,),
    "sorted_unescaped": (_SLASHES | _UNICODE, _SLASHES | _UNICODE | _LINES),
    "sorted_unescaped_unicode": (_UNICODE, _UNICODE | _LINES),
    "sorted_unescaped_slashes": (_SLASHES,),
}


def signature_headers(_provider: Provider) -> tuple[str, ...]:
    """The header that holds the signature."""
    return (_HEADER_KEY,)


def signing(_provider: Provider) -> SigningMethod:
    """The body, or its sorted text as PHP prints it, under an HMAC."""
    return SigningMethod(
        digest="HMAC-SHA256",
        place=f"the header {HEADER}",
        text="the body as sent, or the body sorted by keys as PHP's json_encode prints it",
        command=HMAC_SHA256_COMMAND,
    )


def verify(callback: Callback, provider: Provider) -> Verified:
    """Prove the sender; the verified document has its numbers as sent.

    A body that cannot be decoded may still be proven as sent, and is then malformed.

    Raises:
        NotAuthentic: no signature, or one that none of the secrets gives for any text.
    """
    presented = callback.headers.get(_HEADER_KEY)
    if not presented:
        raise SignatureMissing(f"the header {HEADER} is missing")
    document = _document(callback.body)
    tried = set()
    for text in _candidates(callback.body, document, text_of(provider, "signed_text")):
        if text not in tried and matches(presented, text, provider.secrets):
            return Verified(callback, document, text, presented)
        tried.add(text)
    raise NotAuthentic("the signature does not hold")


def _document(body: bytes) -> dict[str, Json] | None:
    """The body as an object, or None for whatever else it is."""
    try:
        document = decode_json(body)
    except Malformed:
        return None
    return document if isinstance(document, dict) else None


def _candidates(body: bytes, document: dict[str, Json] | None, allowed: str) -> Iterator[bytes]:
    """The texts that the signature may be over; a text may come several times."""
    if allowed in {"any", "raw"}:
        yield body
    if document is None:
        return
    for name, all_flags in _SORTED.items():
        if allowed not in {"any", name}:
            continue
        for flags in all_flags:
            try:
                yield from sorted_payloads(document, flags)
            except Malformed:  # PHP would not have printed this text
                return
