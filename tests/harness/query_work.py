"""How much work the database does for a step, counted and not timed, whoever asks for it.

``auto_explain`` logs the plan of every statement of a database with its rows and buffers: of
SQLAlchemy, psycopg, ADBC and ``COPY`` alike. The same rows and the same plan make the same
figures, so they tell a plan that turned from one that did not, also on a busy machine.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import psycopg

_SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_format": "json",
}
_LOGGED = re.compile(r"duration: ([\d.]+) ms  plan:\n((?:\t.*\n)+)")
_REMOVED = ("Filter", "Join Filter", "Index Recheck")


@dataclass(frozen=True, slots=True)
class Work:
    """What a statement took.

    Attributes:
        query: its text.
        rows: rows that the nodes of its plan returned or threw away, all loops together.
        buffers: pages that it looked at.
        milliseconds: how long it ran.
    """

    query: str
    rows: int
    buffers: int
    milliseconds: float


@dataclass(slots=True)
class Recording:
    """The statements of a step, once it is over."""

    statements: list[Work] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of all statements."""
        return sum(work.rows for work in self.statements)

    @property
    def buffers(self) -> int:
        """Buffers of all statements."""
        return sum(work.buffers for work in self.statements)

    def largest(self, count: int) -> list[Work]:
        """The statements with the most rows, and those with the most buffers."""
        by_rows, by_buffers = (
            sorted(self.statements, key=attrgetter(name), reverse=True)[:count]
            for name in ("rows", "buffers")
        )
        return [*by_rows, *(work for work in by_buffers if work not in by_rows)]

    @property
    def milliseconds(self) -> float:
        """The time of all statements."""
        return sum(work.milliseconds for work in self.statements)


def log_plans(admin_url: str, database: str) -> None:
    """Have the plans of a database logged, from the next connection on."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for name, value in _SETTINGS.items():
            statement = f"ALTER DATABASE {database} SET {name} = '{value}'"
            connection.execute(statement.encode())


@contextmanager
def recorded_work(log: Path) -> Iterator[Recording]:
    """Record what is logged while the block runs."""
    start = log.stat().st_size
    recording = Recording()
    yield recording
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(start)
        recording.statements = [*_statements(lines.read())]


def _statements(text: str) -> Iterator[Work]:
    for milliseconds, indented in _LOGGED.findall(text):
        logged = json.loads("".join(line[1:] for line in indented.splitlines()), strict=False)
        plan = logged["Plan"]
        yield Work(
            query=" ".join(logged["Query Text"].split()),
            rows=round(_rows(plan)),
            buffers=plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0),
            milliseconds=float(milliseconds),
        )


def _rows(plan: Mapping[str, Any]) -> float:
    """The rows of a node and of those below it; a loop without rows counts as one."""
    loops = float(plan.get("Actual Loops", 0))  # none where it was only explained
    removed: float = sum(plan.get(f"Rows Removed by {reason}", 0) for reason in _REMOVED)
    own = loops * (1 + float(plan.get("Actual Rows", 0)) + removed)
    return own + sum(map(_rows, plan.get("Plans", ())))
