"""A layout from before the first release: refused in one sentence, and left as it is."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from ops.engines.data_directory import open_data_directory
from ops.engines.postgres_server import url
from storage.engine import open_engine
from storage.migrate import migrate
from storage.schema_version import UnreleasedSchema, require_schema
from tests.harness.servers.forked_commands import run_command

WAIT_S = 120.0
#: The last one, the first one, and the revision of a stranger's migrations.
UNRELEASED = ("0016", "0001", "ae1027a6acf")
#: A table that only the last unreleased layout had.
_OLD_LAYOUT = """
ALTER TABLE day_closes RENAME TO closes;
UPDATE alembic_version SET version_num = '0016'
"""
_CATALOGUE = """
SELECT table_name || '.' || column_name FROM information_schema.columns
 WHERE table_schema = 'public'
UNION ALL SELECT version_num FROM alembic_version ORDER BY 1
"""


def make_old(database: str, revision: str = "0016") -> None:
    with psycopg.connect(database) as connection:
        connection.execute(_OLD_LAYOUT)
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])


def catalogue(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute(_CATALOGUE)]


def tieout(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return run_command(
        words,
        cwd=folder,
        env={**os.environ, "TIEOUT_RECEIVER__PORT": "0", **env},
        timeout=WAIT_S,
    )


@pytest.mark.parametrize("revision", UNRELEASED)
def test_neither_migrating_nor_working_touches_it(database: str, revision: str) -> None:
    make_old(database, revision)
    before = catalogue(database)
    engine = open_engine(database)

    with pytest.raises(UnreleasedSchema, match=rf"unreleased version \(schema {revision}\)"):
        migrate(engine)
    engine.dispose()
    with pytest.raises(UnreleasedSchema, match="Drop it, create an empty one"):
        require_schema(database)

    assert catalogue(database) == before


@pytest.mark.parametrize(
    "command", ["init", "migrate", "up", "receiver", "worker", "scheduler"]
)
def test_every_command_that_needs_the_schema_refuses_a_server_of_ones_own(
    database: str, broker_url: str, tmp_path: Path, command: str
) -> None:
    make_old(database)
    before = catalogue(database)

    result = tieout(
        tmp_path, command, TIEOUT_DATABASE__URL=database, TIEOUT_BROKER__URL=broker_url
    )

    assert result.returncode == 3
    assert "the database was made by an earlier, unreleased version" in result.stderr
    assert "Drop it, create an empty one in its place and run `tieout migrate`" in result.stderr
    assert "Traceback" not in result.stderr
    assert catalogue(database) == before


def test_a_command_that_misses_a_table_says_so_in_a_sentence(
    database: str, tmp_path: Path
) -> None:
    make_old(database)
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE breaks RENAME TO differences")

    result = tieout(
        tmp_path,
        *("breaks", "list"),
        TIEOUT_DATABASE__URL=database,
        TIEOUT_BROKER__URL="redis://127.0.0.1:1/0",  # it needs none, and starts none
    )

    assert result.returncode == 3
    assert 'relation "breaks" does not exist' in result.stderr
    assert "run `tieout migrate`" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_data_directory_is_refused_by_name_and_made_anew_as_the_sentence_says(
    data_dir: Path, tmp_path: Path
) -> None:
    data = ("--data", str(data_dir))
    assert tieout(tmp_path, *data, "init").returncode == 0
    database = url(open_data_directory(data_dir))
    make_old(database)
    before = catalogue(database)

    commands = (["init"], ["migrate"], ["receiver"], ["breaks", "list"], ["up"])
    results = [tieout(tmp_path, *data, *words) for words in commands]

    assert [result.returncode for result in results] == [3] * len(commands)
    sentence = f"the data directory {data_dir.resolve()} was made by an earlier, unreleased"
    assert all(sentence in result.stderr for result in results)
    assert all("Run `tieout down`, remove the directory" in r.stderr for r in results)
    assert catalogue(database) == before
    assert tieout(tmp_path, *data, "down").returncode == 0
    shutil.rmtree(data_dir)
    assert tieout(tmp_path, *data, "init").returncode == 0
    assert "closes.closed_at" not in catalogue(database)
