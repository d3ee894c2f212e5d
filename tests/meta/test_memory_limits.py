"""Units and compose file limit memory as docs/sizing.md says, with room above its figures."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
UNITS = {
    "receiver": "tieout-receiver@.service",
    "worker": "tieout-worker@.service",
    "console": "tieout-console.service",
    "scheduler": "tieout-scheduler.service",
}
#: What one job of the scheduler takes at most, beside the scheduler itself.
JOB = "a reconciliation"
MIB = {"m": 1, "g": 1024}

ROW = re.compile(
    r"^\| (?P<process>[\w ]+) \| (?P<measured>[^|]+) \| (?P<limits>[^|]*) \|", re.MULTILINE
)
LIMITS = re.compile(r"(\d+), (\d+)")


def table() -> dict[str, tuple[int, tuple[int, int] | None]]:
    """The largest measured figure of each process, and its two limits, in MiB."""
    text = (ROOT / "docs/sizing.md").read_text()
    section = text.partition("## Memory and connections")[2].partition("\n## ")[0]
    rows = {}
    for row in ROW.finditer(section):
        figures = [
            int(figure) for figure in re.findall(r"(?<![\d.])\d{2,4}(?![\d.])", row["measured"])
        ]
        limits = LIMITS.fullmatch(row["limits"].strip())
        pair = None if limits is None else (int(limits[1]), int(limits[2]))
        rows[row["process"]] = (max(figures, default=0), pair)
    return rows


def mib(text: str) -> int:
    """A size as units and compose files write it, such as ``1536M``."""
    return int(text[:-1]) * MIB[text[-1].lower()]


def directives(unit: str) -> dict[str, str]:
    text = (ROOT / "deploy/systemd" / unit).read_text()
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("process", UNITS)
def test_a_unit_has_the_limits_of_the_document(process: str) -> None:
    unit = directives(UNITS[process])

    assert (mib(unit["MemoryHigh"]), mib(unit["MemoryMax"])) == table()[process][1]


@pytest.mark.parametrize("process", UNITS)
def test_a_container_has_the_larger_limit_of_the_document(process: str) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    _, limits = table()[process]

    assert limits is not None
    assert mib(services[process]["mem_limit"]) == limits[1]


@pytest.mark.parametrize("process", UNITS)
def test_the_limits_leave_room_above_what_was_measured(process: str) -> None:
    rows = table()
    measured, limits = rows[process]
    if process == "scheduler":
        measured += 2 * rows[JOB][0]

    assert limits is not None
    assert measured * 1.4 < limits[0] < limits[1]


def test_only_the_scheduler_outlives_what_takes_too_much_memory() -> None:
    policies = {process: directives(unit)["OOMPolicy"] for process, unit in UNITS.items()}

    assert policies == {
        "receiver": "stop",
        "worker": "stop",
        "console": "stop",
        "scheduler": "continue",
    }
