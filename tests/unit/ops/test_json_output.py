"""The one encoder of the command line: fields in order, exact instants, no guesses."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import pytest

from ops.commands.json_output import print_json
from vocabulary.clock import iso

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    at: datetime
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outer:
    colour: Colour
    inner: Inner | None
    share: float


def test_a_dataclass_prints_its_fields_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(Outer(Colour.RED, Inner(NOON, ("a", "é")), 0.5))

    assert capsys.readouterr().out == (
        '{"colour": "red", "inner": {"at": "2026-06-04T12:00:00+00:00",'
        ' "names": ["a", "\\u00e9"]}, "share": 0.5}\n'
    )


def test_values_in_a_mapping_are_converted_too(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "day": date(2026, 6, 4),
        "file": Path("a/b"),
        "counts": MappingProxyType({Colour.RED: 2}),
        "none": None,
    }

    print_json(document)

    assert capsys.readouterr().out == (
        '{"day": "2026-06-04", "file": "a/b", "counts": {"red": 2}, "none": null}\n'
    )


def test_a_command_chooses_indentation_and_instants(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json([NOON], indent=2, instant=iso)

    assert capsys.readouterr().out == '[\n  "2026-06-04T12:00:00Z"\n]\n'


def test_a_value_without_json_is_refused() -> None:
    with pytest.raises(TypeError, match="no JSON for object"):
        print_json({"x": object()})
