"""The settings of a provider's own API: per dialect, safe by default, secrets never shown."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import pytest

from ops.settings.loader import load
from ops.settings.model import ProviderSettings
from ops.settings.redaction import without_secrets
from ops.settings.sections.api import COMMON_FIELDS, ApiSettings
from providers.outbound.access import ApiAccount
from providers.registry import DIALECTS
from tests.harness.providers.speaker import secret_of
from tests.harness.providers.speakers import SPEAKERS
from tests.meta.tree import ROOT
from vocabulary.errors import SettingsInvalid

CANARY = "canary-4f1d9c"
URL = 'base_url = "https://api.example.com/v2"'
FULL = {name: speaker.api_settings for name, speaker in SPEAKERS.items()}
ENVIRON = {f"S_{name}": secret_of(name, b"s").decode() for name in FULL} | {"K": CANARY}


def provider(dialect: str, api: str) -> str:
    return (
        f'[[providers]]\nslug = "games"\ndialect = "{dialect}"\ncurrency = "USD"\n'
        f'secrets = ["env:S_{dialect}"]\n[providers.api]\n{api}\n'
    )


def loaded(tmp_path: Path, text: str) -> ProviderSettings:
    path = tmp_path / "tieout.toml"
    path.write_text(text)
    return load(path, ENVIRON).providers[0]


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "tieout.toml"
    path.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load(path, ENVIRON)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_every_dialect_has_its_api_fields_and_every_field_a_dialect() -> None:
    tables = [dialect.api_fields for dialect in DIALECTS.values()]
    named = {name for table in tables for name in table.required | table.optional}

    assert set(DIALECTS) == set(FULL)
    assert named == {field.name for field in dataclasses.fields(ApiAccount)}
    assert named | COMMON_FIELDS == set(ApiSettings.model_fields)


@pytest.mark.parametrize("dialect", FULL)
def test_a_full_table_is_read_and_its_secrets_show_nowhere(
    tmp_path: Path, dialect: str
) -> None:
    text = provider(dialect, f'{URL}\ndeadline = "3s"\nattempts = 5\n{FULL[dialect]}')

    api = loaded(tmp_path, text).api

    assert api is not None
    assert (api.deadline, api.attempts) == (timedelta(seconds=3), 5)
    settings = load(tmp_path / "tieout.toml", ENVIRON)
    assert [
        CANARY in text for text in (repr(settings), json.dumps(without_secrets(settings)))
    ] == [
        False,
        False,
    ]
    assert "env:K" in json.dumps(without_secrets(settings))


@pytest.mark.parametrize("dialect", FULL)
def test_a_missing_api_setting_is_named(tmp_path: Path, dialect: str) -> None:
    assert problems(tmp_path, provider(dialect, URL)) == [
        f"providers.games.api.{name}: expected a value, it is required"
        for name in sorted(DIALECTS[dialect].api_fields.required)
    ]


@pytest.mark.parametrize("dialect", FULL)
def test_a_setting_of_another_dialect_is_refused(tmp_path: Path, dialect: str) -> None:
    text = provider(dialect, f"{URL}\n{FULL[dialect]}")
    other = "agent_id = 7\n" if "agent_id" not in FULL[dialect] else 'prefix = "x"\n'

    name = other.split(" = ", maxsplit=1)[0]
    assert problems(tmp_path, text + other) == [
        f"providers.games.api.{name}: expected a setting of this dialect's API"
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "base_url: expected a value, it is required"),
        ('base_url = "http://api.example.com"', "base_url: expected a URL such as"),
        ('base_url = "https://u:p@api.example.com"', "base_url: expected a URL such as"),
        ('base_url = "https://api.example.com/?a=b"', "base_url: expected a URL such as"),
        (f'{URL}\ndeadline = "0s"', "deadline: expected a duration longer than nothing"),
        (f"{URL}\nattempts = 0", "attempts: expected a number"),
        (f"{URL}\nattempts = 11", "attempts: expected a number"),
        (f"{URL}\nattemps = 1", "attemps: unknown key, did you mean attempts?"),
        (f'{URL}\nprefix = "x"\nkey = "{CANARY}"', "key: expected a reference of the form"),
    ],
)
def test_a_wrong_value_is_named_and_never_shown(
    tmp_path: Path, line: str, problem: str
) -> None:
    key = "" if "key" in line else '\nkey = "env:K"'

    reported = problems(tmp_path, provider("aggregator", line + key))

    assert reported[0].startswith(f"providers.games.api.{problem}")
    assert CANARY not in repr(reported)
    assert "u:p" not in repr(reported)


def test_plain_http_is_for_tests_and_demonstrations(tmp_path: Path) -> None:
    text = 'mode = "test"\n' + provider(
        "aggregator", 'base_url = "http://127.0.0.1:9"\nkey = "literal:k"'
    )

    api = loaded(tmp_path, text).api

    assert api is not None
    assert api.base_url == "http://127.0.0.1:9"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_page_of_the_dialect_lists_its_api_fields(dialect: str) -> None:
    page = (ROOT / "docs" / "providers" / f"{dialect}.md").read_text()
    section = page.split("\n## Their API\n", 1)[1].split("\n## ", 1)[0]
    fields = DIALECTS[dialect].api_fields.required | DIALECTS[dialect].api_fields.optional

    assert [name for name in fields if f"| `{name}` |" not in section] == []
