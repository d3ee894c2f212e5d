"""The samples beside each dialect still mean, and are still answered, what they say."""

import json
from pathlib import Path

import pytest

from providers.registry import DIALECTS
from tests.harness.providers.samples import (
    expected,
    expected_lines,
    folder,
    read_request,
    statements,
)
from tests.harness.providers.speakers import SPEAKERS

REQUEST_FILES = [
    (name, path) for name in DIALECTS for path in sorted(folder(name).glob("*.http"))
]
STATEMENTS = [(name, path) for name in DIALECTS for path in statements(name)]


def case(value: str | Path) -> str:
    return value.stem if isinstance(value, Path) else value


@pytest.mark.parametrize(("name", "path"), REQUEST_FILES, ids=case)
def test_a_sample_request_states_its_fact_and_gets_its_replies(name: str, path: Path) -> None:
    expected_document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert expected(DIALECTS[name], read_request(path)) == expected_document


@pytest.mark.parametrize(("name", "path"), STATEMENTS, ids=case)
def test_a_sample_statement_holds_its_records_and_findings(name: str, path: Path) -> None:
    expected_document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert expected_lines(DIALECTS[name], path) == expected_document


@pytest.mark.parametrize("name", DIALECTS)
def test_every_route_has_a_sample_and_a_dialect_with_statements_has_one(name: str) -> None:
    routes = {read_request(path).route for owner, path in REQUEST_FILES if owner == name}

    assert routes == set(DIALECTS[name].routes)
    has_statement = any(owner == name for owner, _ in STATEMENTS)
    assert has_statement == (DIALECTS[name].statement is not None)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_sample_requests_are_what_the_writer_writes_today(name: str) -> None:
    written = {path.stem: path.read_bytes() for owner, path in REQUEST_FILES if owner == name}

    speaker = SPEAKERS[name]
    assert dict(speaker.samples(speaker.sample_secret)) == written
