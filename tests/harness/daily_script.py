"""The script of docs/daily.md: who types what, run word for word."""

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from tests.harness.people import token_of
from tests.harness.servers.forked_commands import run_command
from vocabulary.clock import SystemClock

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "daily.md"
#: A line of the script: who types it, the command, and its exit code if it is not 0.
_LINE = re.compile(r"^(\w+)\$ tieout (.+?)(?: +# exits (\d): .*)?$", re.MULTILINE)
#: Longest wait for one command, in seconds.
_COMMAND_SECONDS_MAX = 120


@dataclass(frozen=True, slots=True)
class Step:
    """A command of the script.

    Attributes:
        code: the exit code that the page names.
    """

    person: str
    words: list[str]
    code: int


def script() -> list[Step]:
    """The commands of the page."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return [
        Step(person, shlex.split(words), int(code or 0))
        for person, words, code in _LINE.findall(text)
    ]


def noon_of_yesterday(now: datetime | None = None) -> datetime:
    """Noon of the day that the script is about, in the zone where it is past noon now.

    In that zone yesterday is mature, and today does not end while the script runs, whatever
    the clock says; its dates at noon are those of UTC.
    """
    hour = (
        (now or SystemClock().now()).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    )
    zone = ZoneInfo(f"Etc/GMT{hour.hour - 12:+d}")  # its sign is the opposite of an offset's
    return hour.astimezone(zone) - timedelta(days=1)


class RunCommand(Protocol):
    """Runs a command of ``tieout`` to its end."""

    def __call__(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> "subprocess.CompletedProcess[str]": ...


def run_step(
    folder: Path, step: Step, run: RunCommand = run_command
) -> "subprocess.CompletedProcess[str]":
    """Run a command with the settings of a folder, as the person of the step."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")}
    return run(
        step.words,
        cwd=folder,
        env={
            **environment,
            "TIEOUT_CONFIG": str(folder / "tieout.toml"),
            "TIEOUT_TOKEN": token_of(step.person),
            "PYTHONPATH": str(ROOT),
        },
        timeout=_COMMAND_SECONDS_MAX,
    )
