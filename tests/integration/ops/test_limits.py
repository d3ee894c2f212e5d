"""A change of limits in the settings file takes effect after a second person confirmed it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import IntegrityError, RestrictViolation
from typer.testing import CliRunner

from ops import cli
from tests.harness.books.ledger import open_wallets
from tests.harness.people import token_of

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[ledger]
one_person = {{EUR = "{most}"}}
"""
DEPOSIT = ("ledger", "deposit", "--player", "ann", "--currency", "EUR", "--reason", "r")
_VERSION = """
INSERT INTO limit_versions (digest, document, proposed_by, proposed_at, state)
VALUES (repeat('a', 64), '{{}}', 'maria', now(), '{}')
"""
_CONFIRM = (
    "UPDATE limit_versions SET state = 'confirmed', decided_by = '{}', decided_at = now()"
)


@dataclass
class Office:
    """People at the command line of one installation whose settings can be edited."""

    folder: Path
    database: str

    def set_limit(self, most: str) -> None:
        text = SETTINGS.format(database=self.database, most=most)
        (self.folder / "tieout.toml").write_text(text)

    def run(self, *words: str, by: str = "jonas", code: int = 0) -> str:
        """Both streams of a command."""
        arguments = ["--config", str(self.folder / "tieout.toml"), *words]
        result = CliRunner(env={"TIEOUT_TOKEN": token_of(by)}).invoke(cli.app, arguments)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output

    def propose(self, by: str) -> str:
        """Propose the limits of the settings; returns the start of their digest."""
        return self.run("config", "limits", "propose", by=by).split()[1]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()

    def execute(self, sql: str) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute(sql.encode())


@pytest.fixture
def office(tmp_path: Path, database: str) -> Office:
    """One person may deposit 50.00 EUR alone; the limits are set up."""
    open_wallets(database, ("ann", 0))
    office = Office(tmp_path, database)
    office.set_limit("50.00")
    office.run(*DEPOSIT, "--amount", "1", by="maria")
    return office


def test_an_edited_file_changes_nothing_before_another_person_confirms(office: Office) -> None:
    office.set_limit("9000.00")
    waits = office.run(*DEPOSIT, "--amount", "60", by="maria")
    shown = office.run("config", "limits", "show", code=1)
    digest = office.propose("jonas")
    still = office.run(*DEPOSIT, "--amount", "60", by="maria")
    alone = office.run("config", "limits", "confirm", digest, code=1)
    office.run("config", "limits", "confirm", digest, by="erin")
    moved = office.run(*DEPOSIT, "--amount", "60", by="maria")

    for output in (waits, still):
        assert "waits for a second person" in output
        assert "are in force, not those of the settings file" in output
    assert "jonas proposed them: another person decides" in alone
    assert "deposits of one person: 50.00 EUR" in shown
    assert "deposits of one person: 9000.00 EUR" in shown
    assert "are in force, not" not in moved
    assert "waits" not in moved
    assert office.rows("SELECT balance FROM wallets WHERE player = 'ann'") == [(6_100,)]
    assert office.rows(
        "SELECT actor, action FROM audit WHERE action LIKE 'limits.%' ORDER BY audit_id"
    ) == [
        *(("maria", "limits.set_up"), ("jonas", "limits.proposed")),
        ("erin", "limits.confirmed"),
    ]


def test_a_confirmation_names_what_it_confirms(office: Office) -> None:
    office.set_limit("9000.00")
    digest = office.propose("jonas")

    for wrong in (digest[:7], "0" * 12):
        assert "the proposed limits are" in office.run(
            "config", "limits", "confirm", wrong, by="erin", code=1
        )
    office.set_limit("1.00")
    assert "confirm or reject it first" in office.run(
        "config", "limits", "propose", by="erin", code=1
    )
    office.run("config", "limits", "reject", digest, by="erin")
    assert "no limits are proposed" in office.run(
        "config", "limits", "confirm", digest, by="erin", code=1
    )
    assert "waits for a second person" in office.run(*DEPOSIT, "--amount", "60", by="maria")


def test_limits_that_are_in_force_need_no_proposal(office: Office) -> None:
    assert "in force already" in office.run("config", "limits", "propose", code=1)
    assert "in force" in office.run("config", "limits", "show")


def test_who_may_not_change_limits_is_refused(office: Office) -> None:
    office.execute("UPDATE people SET roles = '{finance}' WHERE name = 'nora'")
    office.set_limit("9000.00")

    assert "may not propose or confirm limits" in office.run(
        "config", "limits", "propose", by="nora", code=1
    )


def test_the_database_takes_no_limits_of_one_person(office: Office) -> None:
    office.set_limit("9000.00")
    office.propose("maria")
    for statement, error, message in (
        (_VERSION.format("first"), RestrictViolation, "confirmed by another"),
        (_VERSION.format("confirmed"), RestrictViolation, "confirmed by another"),
        (_CONFIRM.format("maria") + " WHERE state = 'proposed'", IntegrityError, "four_eyes"),
        (_CONFIRM.format("jonas"), RestrictViolation, "stay so"),
        ("DELETE FROM limit_versions", RestrictViolation, "append-only"),
    ):
        with pytest.raises(error, match=message):
            office.execute(statement)
    assert office.rows("SELECT state FROM limit_versions ORDER BY 1") == [
        *(("first",), ("proposed",))
    ]


def test_a_second_account_of_the_same_operating_system_user_confirms_nothing(
    office: Office,
) -> None:
    office.execute("UPDATE people SET os_user = 'shared' WHERE name IN ('jonas', 'erin')")
    office.set_limit("9000.00")
    digest = office.propose("jonas")

    refused = office.run("config", "limits", "confirm", digest, by="erin", code=1)

    assert "another person decides" in refused
