"""What every dialect accepts although its document does not say so."""

import json
import re
from codecs import BOM_UTF8

import pytest
from msgspec.structs import replace

from tests.contract.test_dialects import (
    every_route,
    refusal_of,
    routes,
    signature_of,
    understood,
    with_signature,
)
from tests.harness.providers.speaker import configured
from tests.harness.providers.speakers import SPEAKERS
from vocabulary.facts import Fact, HistoryRecord


def without_bytes(fact: Fact) -> Fact:
    """The fact as read; a line of history keeps its bytes too."""
    return replace(fact, raw=b"") if isinstance(fact, HistoryRecord) else fact


def is_hex(name: str, route: str) -> bool:
    """Whether signatures are hex, whose case says nothing; the case of base64 does."""
    signature = signature_of(SPEAKERS[name], SPEAKERS[name].callback(route))
    return re.fullmatch(r"[0-9a-f]+", signature) is not None


@pytest.mark.parametrize(
    ("name", "route"), [(name, route) for name, route in routes() if is_hex(name, route)]
)
def test_a_signature_in_upper_case_hex_is_authentic(name: str, route: str) -> None:
    speaker = SPEAKERS[name]
    good = speaker.callback(route)
    callback = with_signature(speaker, good, signature_of(speaker, good).upper())

    assert without_bytes(understood(speaker, callback)) == without_bytes(
        understood(speaker, good)
    )


@every_route
def test_a_field_that_the_dialect_does_not_know_changes_nothing_or_is_refused_by_option(
    name: str, route: str
) -> None:
    speaker = SPEAKERS[name]
    more = {**json.loads(speaker.valid[route]), "zz": 1}
    body = json.dumps(more, separators=(",", ":"), sort_keys=True).encode()
    callback = speaker.callback(route, body)

    known = understood(speaker, speaker.callback(route))
    assert without_bytes(understood(speaker, callback)) == without_bytes(known)
    strict = configured(speaker.dialect, options={"unknown_fields": "refuse"})
    assert re.match(r"body: (exactly|only) the fields", refusal_of(speaker, callback, strict))


@every_route
def test_a_byte_order_mark_before_the_body_is_no_part_of_the_document(
    name: str, route: str
) -> None:
    speaker = SPEAKERS[name]
    plain = speaker.callback(route)
    callback = speaker.callback(route, BOM_UTF8 + speaker.valid[route])
    if speaker.signature_header is None:  # the speaker signs the text, its body is without
        callback = replace(plain, body=BOM_UTF8 + plain.body)

    assert callback.body.startswith(BOM_UTF8)
    assert without_bytes(understood(speaker, callback)) == without_bytes(
        understood(speaker, plain)
    )
