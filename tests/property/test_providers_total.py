"""Whatever comes: a dialect answers with a fact or with one of its own refusals."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.statements.reading.table import UnreadableRow
from providers.contract import Callback, Provider
from providers.registry import DIALECTS
from providers.wire.javascript import number_text
from tests.harness.providers.speaker import SECRET, Speaker, configured
from tests.harness.providers.speakers import SPEAKERS
from tests.harness.providers.statement_lines import statement_lines
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.facts import Fact, Operation, fingerprint

EXAMPLES = 150

every_dialect = pytest.mark.parametrize("name", DIALECTS)
quick = settings(max_examples=EXAMPLES, deadline=None)

numbers = st.one_of(
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
scalars = st.one_of(st.none(), st.booleans(), st.text(max_size=20), numbers)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "x-security-hash", "x-securty-hash", "x"]),
    st.one_of(
        st.text(max_size=80),
        st.sampled_from(["application/json", "application/x-www-form-urlencoded"]),
    ),
)


@every_dialect
@given(body=st.binary(max_size=300), presented=headers, route=st.text(max_size=12))
@quick
def test_no_unsigned_bytes_are_authentic_and_nothing_foreign_is_raised(
    name: str, body: bytes, presented: dict[str, str], route: str
) -> None:
    dialect = DIALECTS[name]

    with pytest.raises(NotAuthentic, match=r"missing|does not hold|can carry a signature"):
        dialect.verify(Callback(route=route, headers=presented, body=body), configured(dialect))


@every_dialect
@given(data=st.data())
@quick
def test_a_signed_document_is_a_fact_or_malformed_and_reads_the_same_again(
    name: str, data: st.DataObject
) -> None:
    speaker = SPEAKERS[name]
    asked = configured(speaker.dialect)
    route = data.draw(st.sampled_from(speaker.dialect.routes))
    changes = st.dictionaries(
        st.sampled_from(sorted(json.loads(speaker.valid[route]))), scalars
    )
    document = json.loads(speaker.valid[route]) | data.draw(changes)
    body = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    came = speaker.sign(route, body.encode("utf-8"), SECRET)

    first, again = (read_or_refuse(speaker, came, asked) for _ in range(2))

    if isinstance(first, Malformed):
        assert first.reason.endswith(("expected", "out of range"))
    else:
        assert again == first
        if isinstance(first, Operation):
            assert len(fingerprint(first)) == 16


def read_or_refuse(speaker: Speaker, came: Callback, asked: Provider) -> Fact | Malformed:
    """What an authentic callback states, or why it is refused; nothing else may be raised."""
    verified = speaker.dialect.verify(came, asked)
    try:
        return speaker.dialect.parse(verified, asked)
    except Malformed as refused:
        return refused


@every_dialect
@given(document=documents)
@quick
def test_a_signed_document_of_any_other_shape_is_refused(name: str, document: Any) -> None:
    speaker = SPEAKERS[name]
    asked = configured(speaker.dialect)
    body = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    came = speaker.callback(speaker.dialect.routes[0], body.encode("utf-8"))

    with pytest.raises((Malformed, NotAuthentic), match=r"expected|missing|does not hold"):
        speaker.dialect.parse(speaker.dialect.verify(came, asked), asked)


@given(noise=st.binary(max_size=400), has_header=st.booleans())
@quick
def test_a_statement_of_any_bytes_is_findings(noise: bytes, has_header: bool) -> None:
    dialect = DIALECTS["sportsbook"]
    header = (
        b"transaction_id,action,user_id,currency,amount,rollback_transaction_id,created_at\n"
    )
    stream = io.BytesIO(header + noise if has_header else noise)

    lines = list(statement_lines(dialect, configured(dialect), stream))

    findings = [line for line in lines if isinstance(line, UnreadableRow)]
    assert len(findings) == len(lines)
    assert len({finding.line for finding in findings}) == len(findings)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@quick
def test_printing_a_number_as_javascript_does_is_settled_after_once(value: float) -> None:
    once = number_text(repr(value))

    assert number_text(once) == once
    assert float(once) == value
