"""The pages on providers say what the code does: options, routes, error texts, limits."""

import json
import re
from pathlib import Path

import pytest

from feeds.statements.reading.line_record import LINE_BYTES_MAX
from providers.contract import OptionValue
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from providers.wire.decode import BODY_BYTES_MAX, BRACKETS_MAX
from tests.harness.providers.speaker import configured
from tests.harness.providers.speakers import SPEAKERS
from vocabulary.outcomes import Verdict, refusal

PAGES = Path(__file__).resolve().parents[3] / "docs" / "providers"

every_dialect = pytest.mark.parametrize("name", DIALECTS)


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def shown(value: OptionValue) -> str:
    return f"`{json.dumps(value)}`"


@every_dialect
def test_the_page_lists_every_option_with_its_default_choices_and_meaning(name: str) -> None:
    expected = [
        [
            f"`{key}`",
            shown(option.default),
            "any" if option.choices is None else ", ".join(map(shown, option.choices)),
            option.meaning,
        ]
        for key, option in DIALECTS[name].options.items()
    ]

    assert rows(page(name), "Options") == expected
    assert all(option.assumed for option in DIALECTS[name].options.values())


@every_dialect
def test_the_page_lists_every_route_with_its_exact_fields(name: str) -> None:
    actions = {"bet", "result", "rollback"}
    listed = {
        cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[1])) - actions
        for cells in rows(page(name), "Callbacks")
    }
    sent = {
        route: set(json.loads(body)) - actions for route, body in SPEAKERS[name].valid.items()
    }

    assert listed == sent


@every_dialect
def test_the_page_names_the_error_of_every_refusal_that_can_happen(name: str) -> None:
    dialect = DIALECTS[name]
    never = {Verdict.IRREVERSIBLE, Verdict.BET_UNKNOWN}
    stands = {Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED, Verdict.RECORDED}
    texts = {
        dialect.respond(refusal(verdict, dialect.routes[0]), configured(dialect)).body.decode()
        for verdict in set(Verdict) - never - stands
    }

    assert [text for text in texts if f"`{text}`" not in page(name)] == []


@every_dialect
def test_the_page_names_the_limits_of_a_body(name: str) -> None:
    assert f"{BODY_BYTES_MAX:,} bytes" in page(name)
    assert f"{BRACKETS_MAX} brackets" in page(name)


@every_dialect
def test_every_dialect_has_a_page_with_questions_for_the_provider(name: str) -> None:
    questions = page(name).split("\n## Questions for the provider\n", 1)[1]

    assert re.findall(r"^\d+\. .*\?", questions, re.MULTILINE)


def test_the_statement_of_the_sportsbook_is_described_as_it_is_read() -> None:
    assert f"`{','.join(COLUMNS)}`" in page("sportsbook")
    assert f"{LINE_BYTES_MAX:,} bytes a line" in page("sportsbook")
