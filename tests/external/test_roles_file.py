"""``deploy/roles.sql`` on a server of one's own: five roles, none of them a superuser."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from ops.commands.setup.migrate import migrate_database
from tests.external.servers import ENVIRONMENT, ROOT, Postgres, program
from vocabulary.currencies import ISO_ONLY

pytestmark = pytest.mark.timeout(600)
SECRET = "canary"
ROLES = ("owner", "app", "receiver", "reader", "console")


def make_roles(postgres: Postgres, database: str, owner: str) -> None:
    passwords = {f"TIEOUT_{role.upper()}_PASSWORD": SECRET for role in ROLES}
    words = ["-q", "-v", f"owner={owner}", "-f", "deploy/roles.sql", postgres.url(database)]
    done = subprocess.run(
        [program("psql"), *words],
        cwd=ROOT,
        env={**ENVIRONMENT, **passwords},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def config_roles(folder: Path, **urls: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ops", "--data", str(folder), "config", "roles", "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **urls},
        capture_output=True,
        text=True,
    )


def test_everything_runs_with_five_roles_that_are_no_superusers(
    debian_postgres: Postgres, books_url: str, tmp_path: Path
) -> None:
    name = books_url.partition("?")[0].rpartition("/")[2]
    for _ in range(2):  # a repeat changes nothing
        make_roles(debian_postgres, name, "books_owner")
    urls = {role: debian_postgres.url(name, f"tieout_{role}", SECRET) for role in ROLES[1:]}
    owner = debian_postgres.url(name, "books_owner", SECRET)

    migrate_database(owner, ISO_ONLY)

    separate = {
        "TIEOUT_DATABASE__URL": urls["app"],
        "TIEOUT_DATABASE__OWNER_URL": owner,
        "TIEOUT_RECEIVER__DATABASE_URL": urls["receiver"],
        "TIEOUT_CONSOLE__READ_URL": urls["reader"],
        "TIEOUT_CONSOLE__WRITE_URL": urls["console"],
    }
    done = config_roles(tmp_path, **separate)
    assert done.returncode == 0, done.stderr
    assert [(role["role"], role["owns"] > 0) for role in json.loads(done.stdout)] == [
        *((f"tieout_{role}", False) for role in ROLES[1:]),
        ("books_owner", True),
    ]
    done = config_roles(tmp_path, **{**separate, "TIEOUT_DATABASE__URL": owner})
    assert done.returncode == 1
    assert "it owns tables and can disable their guards" in done.stdout
    for role in ("receiver", "reader", "console"):
        with psycopg.connect(urls[role]) as connection:
            assert connection.execute("SELECT count(*) FROM wallets").fetchone() == (0,)
    with psycopg.connect(urls["app"]) as connection:
        connection.execute("CREATE TEMP TABLE staged (a int)")
        connection.execute("INSERT INTO players (player) VALUES ('ann')")
        with pytest.raises(InsufficientPrivilege, match="permission denied for schema"):
            connection.execute("CREATE TABLE mine (a int)")
