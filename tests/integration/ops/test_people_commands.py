"""``tieout user``, and who a command believes it is run by."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from ops import cli
from ops.commands.identity import os_user, register_first_admin_at
from tests.harness.books.ledger import open_wallets
from tests.harness.people import token_of
from vocabulary.errors import TieoutError

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "lottery"
dialect = "sportsbook"
currency = "EUR"
secrets = ["literal:secret"]
"""
PASSWORD = "three wooden doors\n"
GIFT = ("--player", "ann", "--currency", "EUR", "--amount", "1.00", "--reason", "a gift")
BLOCK = ("--player", "ann", "--currency", "EUR", "--reason", "asked")
_FORGET = """
ALTER TABLE people DISABLE TRIGGER ALL;
DELETE FROM people;
ALTER TABLE people ENABLE TRIGGER ALL;
"""


@dataclass
class Machine:
    """``tieout`` on a machine where this process's user is the operating-system user."""

    folder: Path
    database: str

    def run(
        self,
        *words: str,
        token: str | None = None,
        code: int = 0,
        stdin: str | None = None,
        **variables: str,
    ) -> str:
        """The output of a command; of its errors if it fails."""
        if token is not None:
            variables["TIEOUT_TOKEN"] = token
        arguments = ["--config", str(self.folder / "tieout.toml"), *words]
        result = CliRunner(env=variables).invoke(cli.app, arguments, input=stdin)
        if isinstance(result.exception, TieoutError):  # what the program says and exits 2 with
            assert code == cli.USAGE, (words, result.exception)
            return str(result.exception)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.stdout if code == 0 else result.stderr

    def json(self, *words: str, token: str | None = None) -> Any:
        return json.loads(self.run(*words, "--json", token=token))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()

    def execute(self, sql: str) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute(sql.encode())


@pytest.fixture
def machine(tmp_path: Path, database: str) -> Machine:
    open_wallets(database, ("ann", 1000))
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database))
    return Machine(tmp_path, database)


@pytest.fixture
def empty(machine: Machine) -> Machine:
    """A machine on which nobody is registered."""
    machine.execute(_FORGET)
    return machine


def test_people_are_added_listed_given_roles_disabled_and_enabled(empty: Machine) -> None:
    added = empty.json("user", "add", " Maria ", "--role", "finance", "--display", "Maria Lima")
    empty.run("user", "add", "jonas", "--role", "approver", "--os-user", "jonas")
    (roles,) = empty.json("user", "roles", "MARIA", "--role", "finance", "--role", "ops")
    (disabled,) = empty.json("user", "disable", "maria")
    (enabled,) = empty.json("user", "enable", "maria")
    listed = {person["name"]: person for person in empty.json("user", "list")}

    assert added == [
        {
            "name": "maria",
            "display_name": "Maria Lima",
            "roles": ["finance"],
            "os_user": None,
            "disabled": False,
        }
    ]
    assert roles["roles"] == ["finance", "ops"]
    assert (disabled["disabled"], enabled["disabled"]) == (True, False)
    assert listed.keys() == {"maria", "jonas", os_user().casefold()}
    assert listed[os_user().casefold()]["roles"] == ["admin"]


def test_a_link_and_a_password_for_the_console_are_made_by_administrators_or_oneself(
    empty: Machine,
) -> None:
    empty.run("user", "add", "maria", "--role", "finance")
    token = empty.run("user", "token", "maria").strip()
    reset = empty.json("user", "reset", "maria")

    assert reset["link"].startswith("http://127.0.0.1:")
    assert "/reset/" in reset["link"]
    own = empty.run("user", "password", "maria", "--stdin", token=token, stdin=PASSWORD)
    assert own.startswith("maria may sign in at http://127.0.0.1:")
    empty.run("user", "reset", "maria", token=token, code=1)
    admin = os_user().casefold()
    empty.run("user", "password", admin, "--stdin", token=token, stdin=PASSWORD, code=1)
    short = empty.run("user", "password", "maria", "--stdin", stdin="short\n", code=2)
    assert "12 to 200 characters are expected" in short
    empty.run("user", "reset", "nobody", code=1)
    assert empty.query(
        "SELECT actor, action FROM audit WHERE action LIKE 'person.password%' ORDER BY audit_id"
    ) == [(admin, "person.password_code"), ("maria", "person.password_set")]
    assert empty.query("SELECT count(*) FROM passwords WHERE hash LIKE '$argon2id$%'") == [(1,)]


def test_the_first_command_of_a_new_installation_says_who_is_administrator(
    empty: Machine,
) -> None:
    said = empty.run("user", "add", "x", "--role", "nothing", code=2)
    assert "viewer" in said
    assert "is the first administrator" in empty.run("user", "disable", "nobody at all", code=1)
    assert "is the first administrator" not in empty.run("user", "disable", "nobody", code=1)


def test_starting_makes_the_operating_system_user_administrator_once(
    empty: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ``tieout init`` and ``tieout up`` do once the schema is there."""
    register_first_admin_at(empty.database)
    register_first_admin_at(empty.database)

    name = os_user().casefold()
    assert capsys.readouterr().err == (
        f"{name}, the operating-system user, is the first administrator;"
        " `tieout user add` registers more people\n"
    )
    assert empty.query("SELECT name, os_user, roles FROM people") == [
        (name, os_user(), ["admin"])
    ]


def test_an_administrator_acts_for_another_and_is_named_in_the_trail(empty: Machine) -> None:
    empty.run("user", "add", "maria", "--role", "finance")

    proposal = empty.run("ledger", "adjust", "propose", *GIFT, "--by", " MARIA ").strip()

    assert empty.query(
        "SELECT a.actor, p.name, q.name FROM audit a JOIN people p USING (person_id)"
        f" JOIN people q ON q.person_id = acting_id WHERE subject = '{proposal}'"
    ) == [("maria", "maria", os_user().casefold())]
    assert empty.query("SELECT proposed_by FROM adjustments") == [("maria",)]


def test_without_by_the_operating_system_user_acts(empty: Machine) -> None:
    empty.run("user", "add", "maria", "--role", "finance")

    empty.run("ledger", "adjust", "propose", *GIFT)

    assert empty.query("SELECT proposed_by FROM adjustments") == [(os_user().casefold(),)]


def test_a_token_of_the_environment_or_of_a_file_says_who_acts(machine: Machine) -> None:
    machine.run("ledger", "adjust", "propose", *GIFT, token=token_of("maria"))
    (machine.folder / "token").write_text(f"{token_of('jonas')}\n")
    with (machine.folder / "tieout.toml").open("a") as file:
        file.write(f'[people]\ntoken_file = "{machine.folder / "token"}"\n')
    machine.run("ledger", "adjust", "propose", *GIFT)

    assert machine.query("SELECT proposed_by FROM adjustments ORDER BY proposed_at") == [
        ("maria",),
        ("jonas",),
    ]


def test_no_variable_changes_the_operating_system_user(machine: Machine) -> None:
    name = os_user()
    spoofed = {"USER": "maria", "LOGNAME": "maria", "SUDO_USER": "maria"}
    machine.execute("UPDATE people SET os_user = 'maria' WHERE name = 'maria'")

    said = machine.run("ledger", "adjust", "propose", *GIFT, code=2, **spoofed)

    assert f"nobody is registered for the operating-system user {name}" in said


@pytest.mark.parametrize(
    "command",
    [
        ("ledger", "adjust", "propose", *GIFT),
        ("ledger", "adjust", "approve", "adj-1"),
        ("ledger", "adjust", "reject", "adj-1", "--reason", "no"),
        ("breaks", "assign", "brk-1", "--to", "maria"),
        ("breaks", "comment", "brk-1", "--text", "x"),
        ("breaks", "attach", "brk-1", "--text", "x"),
        ("breaks", "explain", "brk-1", "--reason", "x"),
        ("breaks", "close", "brk-1", "--reason", "x"),
        ("breaks", "reopen", "brk-1", "--reason", "x"),
        ("breaks", "propose", "brk-1", "--reason", "x"),
        ("breaks", "approve", "brk-1"),
        ("breaks", "reject", "brk-1", "--reason", "x"),
        ("breaks", "bulk", "explain", "--reason", "x", "--yes"),
        ("players", "block", *BLOCK),
        ("players", "unblock", *BLOCK),
        ("players", "exclude", *BLOCK, "--until", "30d"),
        ("players", "limit", *BLOCK, "--stake", "1"),
        ("queue", "requeue", "--why", "x"),
        ("queue", "discard", "--why", "x"),
        ("queue", "pause", "post", "--why", "x"),
        ("queue", "resume", "post", "--why", "x"),
        ("feed", "resolve", "fnd-1", "--reason", "x"),
    ],
    ids=" ".join,
)
def test_every_command_refuses_an_unknown_and_a_disabled_person(
    machine: Machine, command: tuple[str, ...]
) -> None:
    machine.execute(
        f"INSERT INTO people (name, skeleton, display_name, roles, os_user)"
        f" VALUES ('root', 'root', 'root', '{{admin}}', '{os_user()}')"
    )
    machine.execute("UPDATE people SET disabled_at = now() WHERE name = 'bob'")

    unknown = machine.run(*command, "--by", "anybody", code=1)
    left = machine.run(*command, "--by", "bob", code=1)

    assert "refused: nobody is registered as 'anybody'" in unknown
    assert "refused: bob is disabled" in left
    assert machine.query("SELECT count(*) FROM adjustments") == [(0,)]
    assert machine.query("SELECT count(*) FROM audit WHERE action <> 'players.imported'") == [
        (0,)
    ]


def test_only_an_administrator_manages_people_and_acts_for_others(machine: Machine) -> None:
    maria = {"token": token_of("maria"), "code": 1}

    for words in (
        ("user", "add", "x", "--role", "viewer"),
        ("user", "disable", "jonas"),
        ("user", "roles", "maria", "--role", "admin"),
        ("user", "token", "jonas"),
    ):
        said = machine.run(*words, **maria)  # type: ignore[arg-type]
        assert "may not manage people" in said, said
    said = machine.run("ledger", "adjust", "propose", *GIFT, "--by", "jonas", **maria)  # type: ignore[arg-type]
    assert "maria may not act for jonas: only an administrator may" in said


def test_a_person_replaces_their_own_token(machine: Machine) -> None:
    own = machine.run("user", "token", "maria", token=token_of("maria")).strip()

    assert "TIEOUT_TOKEN is nobody's" in machine.run(
        "user", "token", "maria", token=token_of("maria"), code=1
    )
    assert machine.json("user", "token", "Maria", token=own).keys() == {"name", "token"}
    stored = machine.query("SELECT token_hash FROM people WHERE name = 'maria'")
    assert own not in str(stored)


def test_a_role_without_the_right_is_refused(machine: Machine) -> None:
    machine.execute("UPDATE people SET roles = '{viewer}' WHERE name = 'maria'")

    said = machine.run("ledger", "adjust", "propose", *GIFT, token=token_of("maria"), code=1)

    assert "maria (viewer) may not propose corrections; roles that may: finance" in said
