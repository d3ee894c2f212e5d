"""Whether the aggregator sent a callback: the signature is a field of the body it signs.

The document defines it by a JavaScript sample: remove ``hmac``, sort the top-level keys,
``JSON.stringify``, HMAC-SHA256, lower-case hex. The text signed is therefore not the text sent,
and two candidates are tried: numbers as JavaScript prints them, then numbers as sent. The
verified document has the numbers *that were signed*: ``9007199254740993`` and
``9007199254740992`` share a signature under the first candidate, so the token sent proves
nothing.

A body that cannot be decoded holds no signature, so it is not authentic.
"""

import re
from collections.abc import Iterator

from providers.contract import Callback, Provider, SigningMethod, Verified
from providers.options import flag_of
from providers.wire.decode import Json, Number, decode_form, decode_json
from providers.wire.javascript import rounded, sorted_payload
from providers.wire.signatures import HMAC_SHA256_COMMAND, matches
from vocabulary.errors import Malformed, NotAuthentic, SignatureMissing

#: Fields that are numbers in JSON, by which a form's texts are read.
NUMERIC_FIELDS = frozenset(
    {
        "balance",
        "bet",
        "win_balance",
        "before_balance",
        "after_balance",
        "used_balance",
        "receive_balance",
        "winlose",
    }
)

_FORM_TYPE = re.compile(
    r"application/x-www-form-urlencoded *(?:; *charset=\"?utf-8\"? *)?", re.IGNORECASE
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
#: Longest content type read, in characters.
_CONTENT_TYPE_CHARS_MAX = 128

Payload = dict[str, Json]


def signature_headers(_provider: Provider) -> tuple[str, ...]:
    """The signature is in the body; the content type decides how that is read."""
    return ("content-type",)


def signing(_provider: Provider) -> SigningMethod:
    """The body without its signature, printed by JavaScript, under an HMAC."""
    return SigningMethod(
        digest="HMAC-SHA256",
        place="the field hmac of the body",
        text="the body without hmac, its top-level keys sorted, as JSON.stringify prints it",
        command=HMAC_SHA256_COMMAND,
    )


def verify(callback: Callback, provider: Provider) -> Verified:
    """Prove the sender; the verified document is without ``hmac``, its numbers as signed.

    A body is read as a form only where its content type says so; any other content type, or
    none, is read as JSON, since the signature decides and not the label.

    Raises:
        NotAuthentic: no readable signature, or none of the secrets gives it.
    """
    try:
        return _verified(callback, provider)
    except Malformed:
        # Not chained: an untrusted body's faults are no finding.
        raise NotAuthentic("a body that can carry a signature is expected") from None


def _verified(callback: Callback, provider: Provider) -> Verified:
    is_form = flag_of(provider, "form_bodies") and _is_declared_form(callback)
    payload = _payload(callback.body, is_form=is_form)
    presented = payload.pop("hmac", None)
    if type(presented) is not str or not presented:
        raise SignatureMissing("the field hmac is missing")
    raw_too = flag_of(provider, "raw_number_signatures")
    candidates = _form_candidates(payload) if is_form else _candidates(payload, raw_too=raw_too)
    for signed, document in candidates:
        text = sorted_payload(signed)
        if matches(presented, text, provider.secrets):
            return Verified(callback, document, text, presented)
    raise NotAuthentic("the signature does not hold")


def _is_declared_form(callback: Callback) -> bool:
    content_type = callback.headers.get("content-type", "")
    return (
        len(content_type) <= _CONTENT_TYPE_CHARS_MAX
        and _FORM_TYPE.fullmatch(content_type) is not None
    )


def _payload(body: bytes, *, is_form: bool) -> Payload:
    if is_form:
        return dict(decode_form(body))
    document = decode_json(body)
    if not isinstance(document, dict):
        raise SignatureMissing("the field hmac is missing")
    return document


def _candidates(payload: Payload, *, raw_too: bool) -> Iterator[tuple[Payload, Payload]]:
    """The texts that may have been signed, each with the document it proves."""
    as_printed = {
        key: value if type(value) is str else rounded(value) for key, value in payload.items()
    }
    yield as_printed, as_printed
    if raw_too and as_printed != payload:
        yield payload, payload


def _form_candidates(payload: Payload) -> Iterator[tuple[Payload, Payload]]:
    """All texts as the sample would sign them, then the documented numbers as numbers."""
    yield payload, {key: _numeric(key, value) for key, value in payload.items()}
    as_printed = {key: rounded(_numeric(key, value)) for key, value in payload.items()}
    yield as_printed, as_printed


def _numeric(key: str, value: Json) -> Json:
    if key in NUMERIC_FIELDS and isinstance(value, str) and _NUMBER.fullmatch(value):
        return Number(value)
    return value
