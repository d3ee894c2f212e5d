"""From a foreign file to settings that read it, by doing only what the preview says."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from feeds.statements.reading.read_file import read_file
from ops.cli import app
from ops.providers.configured import configured_provider
from ops.providers.statements import reader_of
from ops.settings.loader import load
from tests.harness.files.settings_text import settings_text
from tests.harness.previews.foreign_files import FOREIGN, ForeignFile, Record
from vocabulary.facts import HistoryRecord

ROUNDS_MAX = 3
BLOCK = re.compile(r"^\[providers\.statement\]\n(?:.+\n)*", re.MULTILINE)


def preview(folder: Path, path: Path, settings: Mapping[str, object]) -> tuple[bool, str]:
    """Whether the file is read, and what the preview prints."""
    (folder / "tieout.toml").write_text(settings_text(settings))
    command = ["feed", "import", str(path), "--provider", "book", "--preview"]
    result = CliRunner().invoke(app, ["--config", str(folder / "tieout.toml"), *command])
    assert result.exit_code in {0, 1}, result.output
    return result.exit_code == 0, result.output


def pasted(printed: str) -> dict[str, Any]:
    """The settings of the offered block."""
    block = BLOCK.search(printed)
    assert block is not None, printed
    statement: dict[str, Any] = tomllib.loads(block.group())["providers"]["statement"]
    return statement


def answered(settings: dict[str, Any], printed: str, file: ForeignFile) -> dict[str, Any]:
    """The settings with the answers to the questions that were asked."""
    for words, (name, value) in file.answers.items():
        if words in printed:
            table, _, key = name.rpartition(".")
            target = settings.setdefault(table, {}) if table else settings
            target[key] = value
    return settings


def walk(folder: Path, file: ForeignFile) -> tuple[int, dict[str, Any]]:
    """The number of previews until the file is read, and the settings that read it."""
    path, settings = folder / file.name, dict[str, Any]()
    path.write_bytes(file.data)
    for number in range(1, ROUNDS_MAX + 1):
        is_read, printed = preview(folder, path, settings)
        if is_read:
            return number, settings
        settings = answered(pasted(printed), printed, file)
    raise AssertionError(f"not read after {ROUNDS_MAX} previews with {settings}")


def records(folder: Path, file: ForeignFile) -> list[Record]:
    entry = load(folder / "tieout.toml", {}).providers[0]
    reader = reader_of(configured_provider(entry), entry.statement)
    with (folder / file.name).open("rb") as stream:
        lines = list(read_file(reader, stream, file.name))
    assert all(isinstance(line, HistoryRecord) for line in lines), lines
    return [
        (
            line.record_id,
            line.round_id,
            line.handle,
            line.currency,
            line.stake.minor,
            line.payout.minor,
            line.rolled_back,
            line.created_at.isoformat(),
        )
        for line in lines
        if isinstance(line, HistoryRecord)
    ]


@pytest.mark.parametrize("file", FOREIGN, ids=lambda file: file.name)
def test_the_preview_leads_to_settings_that_read_the_file(
    tmp_path: Path, file: ForeignFile
) -> None:
    rounds, settings = walk(tmp_path, file)

    assert 1 < rounds <= ROUNDS_MAX
    assert settings
    assert records(tmp_path, file) == list(file.truth)
