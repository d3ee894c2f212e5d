"""A secret that is not there stops only what needs it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.providers.api_access import transport_of
from ops.settings.loader import load
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid

SETTINGS = """
mode = "test"
[[providers]]
slug = "games"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
[providers.api]
base_url = "https://api.example.com"
key = "env:TIEOUT_TEST_NOT_SET"
[console.oidc]
issuer = "https://id.example.com"
client_id = "tieout"
client_secret = "file:not-there"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tieout.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def test_an_unset_secret_of_an_api_stops_what_calls_it(config: Path) -> None:
    (entry,) = load(config, {}).providers
    with pytest.raises(SettingsInvalid) as refused:
        transport_of(entry, SystemClock())
    assert "providers.games.api.key: expected the environment variable" in str(refused.value)


def test_the_check_of_the_settings_names_every_unset_secret(config: Path) -> None:
    words = ["--config", str(config), "config"]
    shown = CliRunner().invoke(cli.app, [*words, "show"])
    checked = CliRunner().invoke(cli.app, [*words, "check"])

    assert shown.exit_code == 0
    assert isinstance(checked.exception, SettingsInvalid)
    problems = str(checked.exception)
    assert "providers.games.api.key" in problems
    assert "console.oidc.client_secret: expected the file not-there" in problems
