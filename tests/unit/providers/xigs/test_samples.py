"""The scratch-card platform's samples still mean, and are still answered, what they say."""

import json
from pathlib import Path

import pytest

from providers.xigs import DIALECT
from tests.harness.dialects.xigs import webhook_samples
from tests.harness.providers.samples import (
    expected,
    expected_lines,
    folder,
    read_request,
)
from tests.harness.providers.speaker import SAMPLE_SECRET

REQUESTS = sorted(folder("xigs").glob("*.http"))


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_a_sample_webhook_states_its_fact_and_gets_its_replies(path: Path) -> None:
    expected_document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert expected(DIALECT, read_request(path)) == expected_document


def test_the_sample_webhooks_are_signed_as_node_signs_them_today() -> None:
    written = {path.stem: read_request(path) for path in REQUESTS}
    signed = {case: (headers, body) for case, headers, body in webhook_samples(SAMPLE_SECRET)}

    assert written.keys() == signed.keys()
    for case, (headers, body) in signed.items():
        assert written[case].body.decode() == body
        assert written[case].headers["x-signed-request"] == headers["X-Signed-Request"]


def test_the_pulled_rounds_hold_their_records_and_findings() -> None:
    rounds = folder("xigs") / "rounds.jsonl"
    expected_document = json.loads(rounds.with_suffix(".json").read_text(encoding="utf-8"))

    assert expected_lines(DIALECT, rounds) == expected_document
