"""``tieout simulate`` plays into no books that are in production."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli
from vocabulary.errors import NotAllowed

SETTINGS = """
[database]
url = "postgresql://nobody@127.0.0.1:1/none"
[[providers]]
slug = "agg"
dialect = "aggregator"
currency = "USD"
secrets = ["env:AGG_SECRET"]
"""


def test_production_refuses_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "tieout.toml"
    path.write_text(SETTINGS, encoding="utf-8")

    words = ["--config", str(path), "simulate", "--count", "1"]
    with pytest.raises(NotAllowed, match='mode is "production": nothing was'):
        CliRunner(env={"AGG_SECRET": "s"}).invoke(cli.app, words, catch_exceptions=False)
