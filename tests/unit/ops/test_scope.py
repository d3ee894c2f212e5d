"""Which providers and windows a command is about; all that is missing is named at once."""

import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
mode = "test"
[database]
url = "postgresql://nobody@127.0.0.1:1/none"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "agg"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
"""


def usage(folder: Path, line: str) -> str:
    """What a command line that is wrong says."""
    (folder / "tieout.toml").write_text(SETTINGS)
    done = subprocess.run(
        [sys.executable, "-m", "ops", *line.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path.cwd()), "COLUMNS": "200"},
    )
    assert done.returncode == 2, (line, done.stdout, done.stderr)
    return done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reconcile", "missing: --provider SLUG or --all; --day DAY, or --from and --to"),
        ("totals", "missing: --provider SLUG or --all; --day DAY, or --from and --to"),
        ("reconcile --all", "missing: --day DAY, or --from and --to"),
        ("reconcile --from 2026-03-01", "missing: --provider SLUG or --all; --to"),
        ("totals --all --to today", "missing: --from"),
        ("day sign", "missing: --provider SLUG or --all; a day such as yesterday, or --day"),
        ("day sign yesterday", "missing: --provider SLUG or --all"),
        ("day show --all", "missing: a day such as yesterday, or --day DAY"),
        ("feed pull", "missing: --provider SLUG or --all"),
        ("invoice check", "missing: FILE, --provider, --period"),
        ("ledger deposit", "missing: --player, --currency, --amount, --reason"),
    ],
)
def test_all_that_is_missing_is_named_in_one_error(
    tmp_path: Path, line: str, message: str
) -> None:
    assert message.lower() in usage(tmp_path, line).lower()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reconcile --all --day tomorrow", "--day: 2026-06-04, today or yesterday is expected"),
        ("reconcile --all --day today --from today", "either --day, or --from and --to"),
        ("reconcile --all --provider agg --day today", "either --provider or --all"),
        ("reconcile --provider nix --day today", "no provider is called nix; configured: agg"),
        ("day show today --day today --all", "the day is given twice"),
        ("totals --all --from today --to yesterday", "a window must end after it starts"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, line: str, message: str) -> None:
    assert message in usage(tmp_path, line)
