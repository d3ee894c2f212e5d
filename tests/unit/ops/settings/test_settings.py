"""Settings: read from file and environment, complete, secrets never shown."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from ops.commands.setup.init import EXAMPLE
from ops.commands.simulation.demo_settings import demo_settings
from ops.providers.configured import configured, configured_for_proofs
from ops.settings.durations import duration_text, parse_duration
from ops.settings.limits import limits_document, limits_of_document
from ops.settings.loader import load
from ops.settings.model import ProviderSettings, Settings
from ops.settings.redaction import without_password, without_secrets
from ops.settings.sections.notify import NotifySettings
from ops.settings.values import Section
from providers.registry import DIALECTS
from vocabulary.errors import SettingsInvalid

PROVIDER = """
[[providers]]
slug = "casino"
dialect = "aggregator"
currency = "USD"
secrets = ["env:CASINO_SECRET"]
"""
CANARY = "canary-4f1d9c"
FULL = """
mode = "test"
[database]
url = "postgresql://books@db.example.com/books"
[broker]
url = "redis://broker.example.com:6379/2"
[receiver]
host = "0.0.0.0"
port = 80
processes = 4
ops_host = "127.0.0.1"
ops_port = 9090
trusted_proxies = ["10.0.0.0/8", "2001:db8::/32"]
body_bytes_max = 1000
read_timeout = "500ms"
queue_max = 10
drain_timeout = "1m"
[console]
port = 81
[workers]
processes = 3
threads = 8
sweep_after = "5s"
sweep_every = "250ms"
[[providers]]
slug = "book"
dialect = "sportsbook"
currency = "EUR"
secrets = ["env:FIRST", "file:second.key", "literal:third"]
allow_ips = ["203.0.113.7"]
timezone = "Europe/Warsaw"
maturity = "6h"
exponents = {BTC = 8}
options = {allow_extra_fields = true}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tieout.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load(None, {})

    assert settings == Settings()
    assert settings.mode == "production"
    assert settings.database.url == "embedded"
    assert settings.broker.url == "embedded"
    assert (settings.receiver.host, settings.receiver.port) == ("127.0.0.1", 8080)
    assert settings.console.port == 8090
    assert settings.providers == ()


def test_the_file_of_the_working_directory_is_found_and_the_environment_may_name_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "[receiver]\nport = 8081\n")
    other = tmp_path / "other.toml"
    other.write_text("[receiver]\nport = 8082\n")
    third = tmp_path / "third.toml"
    third.write_text("[receiver]\nport = 8083\n")
    monkeypatch.chdir(tmp_path)

    assert load(None, {}).receiver.port == 8081
    assert load(None, {"TIEOUT_CONFIG": str(other)}).receiver.port == 8082
    assert load(third, {"TIEOUT_CONFIG": str(other)}).receiver.port == 8083


def test_a_full_file_is_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "second.key").write_text("from a file\n")
    path = written(
        tmp_path,
        FULL,
    )

    settings = load(path, {"FIRST": "from the environment"})

    provider = configured(settings)["book"]
    assert provider.provider.secrets == (b"from the environment", b"from a file", b"third")
    assert provider.allow == (ip_network("203.0.113.7/32"),)
    assert provider.maturity == timedelta(hours=6)
    assert provider.timezone == "Europe/Warsaw"
    assert provider.provider.exponents == {"BTC": 8}
    assert provider.provider.options["allow_extra_fields"] is True
    assert set(provider.provider.options) == set(provider.dialect.options)
    assert settings.receiver.trusted_proxies == (
        ip_network("10.0.0.0/8"),
        ip_network("2001:db8::/32"),
    )
    assert settings.receiver.read_timeout == timedelta(milliseconds=500)
    assert settings.workers.sweep_every == timedelta(milliseconds=250)
    assert settings.receiver.ops_port == 9090


def test_the_mark_that_editors_put_before_utf_8_is_no_part_of_the_file(tmp_path: Path) -> None:
    marked = written(tmp_path, "\ufeff[receiver]\nport = 81\n")

    assert load(marked, {}).receiver.port == 81


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[receiver]\nport = 8081\nhost = "127.0.0.2"\n' + PROVIDER)
    environ = {
        "CASINO_SECRET": "s",
        "TIEOUT_MODE": "test",
        "TIEOUT_RECEIVER__PORT": "9000",
        "TIEOUT_RECEIVER__TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.0/24",
        "TIEOUT_DATABASE__URL": "postgresql://books@db.example.com/books",
        "TIEOUT_WORKERS__SWEEP_AFTER": "9s",
        "TIEOUT_PROVIDERS__CASINO__MATURITY": "1h",
        "TIEOUT_PROVIDERS__CASINO__SECRETS": "literal:one,literal:two",
        "TIEOUT_DATA": "/var/lib/tieout",
    }

    settings = load(path, environ)

    assert settings.mode == "test"
    assert (settings.receiver.host, settings.receiver.port) == ("127.0.0.2", 9000)
    assert settings.receiver.trusted_proxies == (
        ip_network("10.0.0.0/8"),
        ip_network("192.0.2.0/24"),
    )
    assert settings.database.url == "postgresql://books@db.example.com/books"
    assert settings.workers.sweep_after == timedelta(seconds=9)
    assert settings.providers[0].maturity == timedelta(hours=1)
    assert [secret.value for secret in settings.providers[0].secrets] == [b"one", b"two"]


def test_secrets_show_in_no_repr_and_in_no_listing(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        PROVIDER.replace("env:CASINO_SECRET", f'env:CASINO_SECRET", "literal:{CANARY}')
        + f'[database]\nurl = "postgresql://books:{CANARY}@db.example.com/books"\n'
        + f'[broker]\nurl = "redis://:{CANARY}@db.example.com/0"\n',
    )

    settings = load(path, {"CASINO_SECRET": CANARY, "TIEOUT_MODE": "test"})

    texts = [
        repr(settings),
        str(settings),
        repr(configured(settings)),
        repr(without_secrets(settings)),
    ]
    assert [CANARY in text for text in texts] == [False] * 4
    assert without_secrets(settings)["providers"][0]["secrets"] == [
        "env:CASINO_SECRET",
        "literal:",
    ]
    assert (
        without_secrets(settings)["database"]["url"]
        == "postgresql://books:***@db.example.com/books"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("embedded", "embedded"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:p@h:5/d?host=/x", "postgresql://u:***@h:5/d?host=/x"),
        ("postgresql://u:a@b@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:12#a@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:1,a/b@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h:5/d?user=a@b", "postgresql://h:5/d?user=a@b"),
        (
            "postgresql://u@h/d?password=p&sslpassword=q",
            "postgresql://u@h/d?password=***&sslpassword=***",
        ),
        (
            "unix:///run/valkey.sock?db=0&password=p",
            "unix:///run/valkey.sock?db=0&password=***",
        ),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, expected: str) -> None:
    assert without_password(url) == expected


def test_the_demo_plays_each_dialect_and_keeps_the_usual_maturity() -> None:
    providers = configured(demo_settings())

    assert {slug: entry.dialect.name for slug, entry in providers.items()} == {
        name: name for name in DIALECTS
    }
    assert {entry.maturity for entry in providers.values()} == {timedelta(minutes=15)}
    assert all(entry.provider.secrets for entry in providers.values())


EXAMPLE_SECRETS = {
    "AGGREGATOR_SECRET": "s",
    "AGGREGATOR_API_KEY": "k",
    "FINANCE_CHAT_URL": "https://chat.example.com/hook",
    "OIDC_SECRET": "s",
}


def test_the_commented_example_is_complete_and_its_values_are_the_defaults(
    tmp_path: Path,
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    uncommented = "\n".join(
        line.removeprefix("# ") if " = " in line or "[[" in line else line
        for line in text.splitlines()[4:]
    )
    path = written(tmp_path, uncommented)

    as_written = load(EXAMPLE, {})
    settings = load(path, EXAMPLE_SECRETS)

    assert as_written == Settings()
    optional = {"ops_host": None, "ops_port": None}
    assert settings.receiver.model_copy(update=optional) == Settings().receiver
    assert settings.metrics.model_copy(update={"port": None}) == Settings().metrics
    assert settings.console.model_copy(update={"oidc": None}) == Settings().console
    assert settings.reporting.currency == "EUR"
    shown_otherwise = {
        "console": Settings().console,
        "receiver": Settings().receiver,
        "metrics": Settings().metrics,
        "reporting": Settings().reporting,
    }
    lists = {"providers": (), "notify": ()}
    assert settings.model_copy(update={**shown_otherwise, **lists}) == Settings()
    keys = {line.split(" = ")[0] for line in uncommented.splitlines() if " = " in line}
    assert keys == every_key()


def every_key() -> set[str]:
    sections = {
        field.annotation
        for field in Settings.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }
    models: list[type[Section]] = [ProviderSettings, NotifySettings, *sections]
    # A rule has one channel.
    other_channels = {"mail", "webhook"}
    return (
        {"mode"} | {name for model in models for name in model.model_fields}
    ) - other_channels


@pytest.mark.parametrize("text", ["0s", "1ms", "90s", "15m", "6h", "1d", "1001ms"])
def test_a_duration_survives_being_shown(text: str) -> None:
    assert duration_text(parse_duration(text)) == text


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-1s", "1.5s", " 1s", "1 s", "1w", "١s", 5, None]
)
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="a duration such as"):
        parse_duration(text)


def test_names_of_limits_are_those_of_people_however_they_are_written() -> None:
    document = {"breaks": {"roles": {" Jonas": "lead"}, "limits": {"lead": {"EUR": "1.50"}}}}

    limits = limits_of_document(limits_document(Settings.model_validate(document)), {})

    assert limits.write_offs.role_of("jonas") == "lead"
    assert limits.write_offs.by_role == {"lead": {"EUR": 150}}


RETIRED = FULL.replace(
    'allow_ips = ["203.0.113.7"]', 'retired_secrets = ["env:OLD"]\nallow_ips = ["203.0.113.7"]'
)


def test_a_retired_secret_proves_and_verifies_no_new_callback(tmp_path: Path) -> None:
    (tmp_path / "second.key").write_text("2nd")
    path = tmp_path / "tieout.toml"
    path.write_text(RETIRED)
    settings = load(path, {"FIRST": "1st", "OLD": "0th"})

    assert configured(settings)["book"].provider.secrets == (b"1st", b"2nd", b"third")
    proving = configured_for_proofs(settings)["book"].provider
    assert proving.secrets == (b"1st", b"2nd", b"third", b"0th")


def test_a_secret_is_live_or_retired_not_both(tmp_path: Path) -> None:
    (tmp_path / "second.key").write_text("2nd")
    path = tmp_path / "tieout.toml"
    path.write_text(RETIRED)

    with pytest.raises(SettingsInvalid, match="env:OLD is among secrets") as refusal:
        load(path, {"FIRST": "1st", "OLD": "third"})
    assert "third" not in str(refusal.value)
