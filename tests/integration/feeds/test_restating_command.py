"""``tieout feed import --restates``: the number of withdrawn records and the exit code."""

import json
from pathlib import Path

from typer.testing import CliRunner

from ops.cli import app
from tests.integration.feeds.test_withdrawals import ALL, FIRST, HALF, SECOND

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "book"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
[providers.statement]
day = '(?P<day>\\d{{4}}-\\d{{2}}-\\d{{2}})'
"""


def test_the_command_prints_the_number_of_withdrawn_records_and_exits_with_one(
    database: str, tmp_path: Path
) -> None:
    settings = tmp_path / "tieout.toml"
    settings.write_text(SETTINGS.format(database=database))
    words = ["--config", str(settings), "--data", str(tmp_path), "feed", "import"]
    words += ["--provider", "book", "--json"]
    outcomes = []
    imports = ((FIRST, ALL), (SECOND, HALF, "--restates"), (SECOND, HALF, "--restates"))
    for name, content, *more in (*imports, (SECOND, HALF, "--restates", "--complete")):
        path = tmp_path / name
        path.write_text(content)
        done = CliRunner().invoke(app, [*words, str(path), *more])
        printed = json.loads(done.stdout)
        kinds = sorted({finding["kind"] for finding in printed["findings"]})
        outcomes.append((done.exit_code, printed["withdrawn"], kinds))
    shorter = (1, 0, ["not_told_again", "shorter_file"])
    assert outcomes == [(0, 0, []), shorter, shorter, (1, 2, ["withdrawn_record"])]
