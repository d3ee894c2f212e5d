"""``tieout dispute`` in this process: what it prints, and the packs that it writes."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from breaks.lists.queries import BreakFilter, list_breaks
from breaks.store import TrackedBreak
from ops.commands.dispute.group import app
from tests.harness.books.differences.break_commands import BreakCommands

PROVIDER = ("--provider", "lottery")
BY = ("--by", "maria")


class Disputes:
    """The commands of a dispute, and what they wrote."""

    def __init__(self, daily: BreakCommands, folder: Path) -> None:
        self.daily = daily
        self.folder = folder

    @property
    def out(self) -> tuple[str, str]:
        """The option for the folder of packs."""
        return "--out", str(self.folder)

    def run(self, *words: str, code: int = 0) -> str:
        return self.daily.run(*words, code=code, group=app)

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.daily.run(*words, "--json", code=code, group=app))

    def breaks(self) -> dict[str, TrackedBreak]:
        """The breaks that are not closed, by round."""
        engine = self.daily.books.engine
        return {one.round_id: one for one in list_breaks(engine, BreakFilter())}

    def opened(self, *rounds: str) -> str:
        """Open a dispute of the breaks of rounds; its id."""
        breaks = self.breaks()
        named = [word for name in rounds for word in ("--break", breaks[name].break_id)]
        return str(self.json("open", *named, *BY)["id"])

    def exported(self, dispute: str) -> zipfile.ZipFile:
        """Export a dispute and open its pack."""
        written = self.json("export", dispute, *self.out, *BY)
        content = Path(written["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == written["sha256"]
        return zipfile.ZipFile(io.BytesIO(content))

    def template(self, dispute: str) -> list[dict[str, str]]:
        """The rows of the template in the pack of a dispute."""
        archive = self.exported(dispute)
        (name,) = (name for name in archive.namelist() if name.endswith("/answer.csv"))
        return list(csv.DictReader(archive.read(name).decode().splitlines()))

    def answers(self, rows: list[dict[str, str]], name: str = "answers.csv") -> str:
        """Write an answer file; its path."""
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return str(path)

    def states(self, dispute: str) -> dict[str, str]:
        """The state of each line by round."""
        rows = self.json("show", dispute)["rows"]
        return {row["round_id"]: row["state"] for row in rows}
