"""Code and schema of different ages: later schemas are worked on, earlier ones refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from ops.commands.setup.migration_plan import print_plan, read_plan
from storage.engine import open_engine
from storage.migrate import migrate
from storage.schema_version import (
    FIRST_REVISION,
    newest_revision,
    refuse_earlier,
    require_schema,
)
from tests.harness.servers.command_line import run_tieout
from tests.harness.servers.ports import free_port
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Unavailable

WAIT_S = 120.0
SENTENCE = r"the database has schema \d{4}, this version needs 9999: run `tieout migrate`"


def pretend(database: str, revision: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])


def test_the_schema_that_migrating_makes_is_the_one_that_is_needed(database: str) -> None:
    engine = open_engine(database)
    assert migrate(engine) == newest_revision()
    engine.dispose()
    require_schema(database)


@pytest.mark.parametrize("revision", [FIRST_REVISION, "9998"])
def test_an_earlier_schema_is_refused_with_what_to_do(revision: str) -> None:
    with pytest.raises(Unavailable, match=SENTENCE):
        refuse_earlier(revision, than="9999")


def test_a_database_without_a_schema_is_refused(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE alembic_version")
    with pytest.raises(Unavailable, match=r"has no schema, .* run `tieout migrate`"):
        require_schema(database)


def test_the_schema_of_a_later_version_is_worked_on_and_left_as_it_is(database: str) -> None:
    pretend(database, "9999")
    require_schema(database)
    engine = open_engine(database)
    assert migrate(engine) == "9999"
    engine.dispose()


def test_a_database_out_of_reach_is_no_reason_to_stay_away() -> None:
    require_schema("postgresql://tieout@/tieout?host=/nowhere")


def test_no_process_starts_on_an_empty_database(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE alembic_version")
    engines = {"TIEOUT_DATABASE__URL": database, "TIEOUT_BROKER__URL": broker_url}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "ops", process],
            cwd=tmp_path,
            env={**os.environ, **engines, "TIEOUT_RECEIVER__PORT": "0"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in ("receiver", "worker", "scheduler")
    ]
    messages = [process.communicate(timeout=WAIT_S)[1] for process in started]

    assert [process.returncode for process in started] == [3, 3, 3]
    assert all("run `tieout migrate`" in message for message in messages)


def set_up(folder: Path, database: str, broker: str, **console: str) -> None:
    urls = "".join(f'{name} = "{url}"\n' for name, url in console.items())
    (folder / "tieout.toml").write_text(
        f'[database]\nurl = "{database}"\n[broker]\nurl = "{broker}"\n[console]\n{urls}'
    )


def test_migrating_tries_every_server_that_the_settings_name(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    nowhere = f"redis://:canary@127.0.0.1:{free_port()}/0"
    set_up(tmp_path, database, nowhere)
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE alembic_version")

    refused = run_tieout(tmp_path, "migrate")

    assert refused.returncode == 3
    assert "broker.url (redis://" in refused.stderr
    assert "Connection refused" in refused.stderr
    assert "canary" not in refused.stderr
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)


def test_migrating_tries_the_replica_that_the_console_reads(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    set_up(tmp_path, database, broker_url, read_url="postgresql://u@127.0.0.1:1/tieout")

    refused = run_tieout(tmp_path, "migrate")

    assert refused.returncode == 3
    assert f"schema {newest_revision()}" in refused.stdout
    assert "console.read_url (postgresql://" in refused.stderr


def test_migrating_waits_until_somebody_names_the_digits_of_a_currency_of_the_books(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    set_up(tmp_path, database, broker_url)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO players (player) VALUES ('ann')")
        for currency in ("EUR", "DOGE", "BTC"):
            connection.execute(
                "INSERT INTO wallets (player, currency, balance, seq) VALUES ('ann', %s, 0, 0)",
                [currency],
            )

    planned = run_tieout(tmp_path, "migrate", "--plan")
    document = run_tieout(tmp_path, "migrate", "--plan", "--json")
    refused = run_tieout(tmp_path, "migrate")
    provider = (
        '[[providers]]\nslug = "one"\ndialect = "aggregator"\ncurrency = "EUR"\n'
        'secrets = ["literal:a"]\nexponents = { BTC = 8, DOGE = 2 }\n'
    )
    settings = tmp_path / "tieout.toml"
    settings.write_text('mode = "test"\n' + settings.read_text() + provider)
    done = run_tieout(tmp_path, "migrate")

    assert planned.stdout.startswith("tieout migrate refuses: the books hold BTC, DOGE, which")
    assert "exponents = { BTC = 8, DOGE = 2 }\nnothing to do" in planned.stdout
    assert json.loads(document.stdout)["unknown_currencies"] == ["BTC", "DOGE"]
    assert refused.returncode == 2
    assert "the books hold BTC, DOGE, which ISO 4217 does not know" in refused.stderr
    assert refused.stderr.rstrip().endswith("exponents = { BTC = 8, DOGE = 2 }")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_plan_says_what_is_to_come_and_changes_nothing(
    database: str, broker_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(tmp_path, database, broker_url)
    print_plan(read_plan(database, ISO_ONLY))
    done = capsys.readouterr().out
    pretend(database, "0119")
    print_plan(read_plan(database, ISO_ONLY))
    planned = capsys.readouterr().out
    document = json.loads(run_tieout(tmp_path, "migrate", "--plan", "--json").stdout)

    assert done == f"nothing to do: the database has schema {newest_revision()}\n"
    assert "the database has schema 0119" in planned
    assert "CREATE INDEX audit_by_time ON audit" in planned
    assert "all of it is done while everything runs" in planned
    assert (document["database"], document["code"]) == ("0119", newest_revision())
    assert document["revisions"][0]["revision"] == "0120"
    (first, *_) = document["revisions"][1]["locks"]
    assert (first["table"], first["lock"], first["reads_all"]) == ("audit", "SHARE", True)
