"""Registered people, and four eyes as the database checks them, whoever runs the statement."""

from collections.abc import Iterator

import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.corrections import adjustments
from storage import people
from storage.audit import trail
from storage.engine import open_engine
from tests.harness.books.ledger import open_wallets
from tests.harness.people import token_of
from vocabulary.clock import SystemClock
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Malformed
from vocabulary.money import Money
from vocabulary.people import Actor, Person, PersonRefused, Role

CYRILLIC_A = "\u0430"
_INSERT = """
INSERT INTO adjustments (id, player, currency, amount, reason, fund, proposed_by, proposed_at,
                         state, proposed_eyes)
VALUES (:id, 'ann', 'EUR', 100, 'a gift', 'cash', :by, now(), 'proposed', :eyes)
"""
_APPROVE = """
UPDATE adjustments SET state = 'approved', decided_by = :by, decided_at = now(),
       decided_eyes = :eyes
 WHERE id = :id
"""


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield engine
    engine.dispose()


def add(engine: Engine, name: str, *roles: Role, os_user: str | None = None) -> Person:
    with engine.begin() as connection:
        return people.add_person(
            connection, name, roles=roles or (Role.APPROVER,), os_user=os_user, by="tests"
        )


def change(engine: Engine, name: str, *, disabled: bool) -> Person:
    with engine.begin() as connection:
        return people.set_disabled(connection, name, disabled=disabled, by="tests")


def propose(engine: Engine, by: str) -> str:
    return adjustments.propose(
        engine,
        player="ann",
        currency="EUR",
        amount=Money(100, "EUR"),
        reason="a gift",
        by=by,
        now=SystemClock().now(),
        exponents=ISO_ONLY,
    )


def approve(engine: Engine, proposal: str, by: str) -> str:
    return adjustments.approve(
        engine, proposal, by=by, now=SystemClock().now(), exponents=ISO_ONLY
    ).state


def identify(
    engine: Engine, by: str | None, *, os_user: str, token: str | None = None
) -> Actor:
    with engine.connect() as connection:
        return people.identify(connection, by=by, os_user=os_user, token=token)


def balance(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT balance FROM wallets")).scalar_one())


def test_the_first_administrator_is_the_operating_system_user_once(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE people DISABLE TRIGGER ALL"))
        connection.execute(text("DELETE FROM people"))
        connection.execute(text("ALTER TABLE people ENABLE TRIGGER ALL"))

    first = people.add_first_admin(engine, "Root")
    again = people.add_first_admin(engine, "somebody")

    assert first is not None
    assert (first.name, first.os_user, set(first.roles)) == ("root", "Root", {Role.ADMIN})
    assert again is None


@pytest.mark.parametrize("name", [" maria", "MARIA ", "maria", "ma ria"])
def test_a_name_that_is_or_looks_taken_is_refused(engine: Engine, name: str) -> None:
    with pytest.raises(PersonRefused, match="registered already"):
        add(engine, name)


@pytest.mark.parametrize("name", ["tieout", "Reconcile"])
def test_a_name_of_the_audit_trails_own_is_no_persons(engine: Engine, name: str) -> None:
    with pytest.raises(Malformed, match="another one is expected"):
        add(engine, name)


@pytest.mark.parametrize("os_user", ["", " "])
def test_an_operating_system_user_has_a_name(engine: Engine, os_user: str) -> None:
    with (
        pytest.raises(Malformed, match="its name is expected, or none at all"),
        engine.begin() as connection,
    ):
        people.add_person(
            connection, "nobody's", roles={Role.VIEWER}, os_user=os_user, by="tests"
        )


def test_a_lookalike_of_another_script_is_refused(engine: Engine) -> None:
    add(engine, "cop")
    with pytest.raises(PersonRefused, match="looks the same"):
        add(engine, "\u0441\u043e\u0440")
    with pytest.raises(Malformed, match="letters of one script"):
        add(engine, f"m{CYRILLIC_A}ria")


def test_the_last_administrator_stays(engine: Engine) -> None:
    add(engine, "ana", Role.ADMIN)

    with pytest.raises(PersonRefused, match="ana is the last administrator"):
        change(engine, "ana", disabled=True)
    with (
        pytest.raises(PersonRefused, match="ana is the last administrator"),
        engine.begin() as c,
    ):
        people.set_roles(c, "ana", [Role.FINANCE], by="tests")
    add(engine, "ben", Role.ADMIN)
    assert change(engine, "ana", disabled=True).disabled


def test_only_the_newest_token_is_valid(engine: Engine) -> None:
    add(engine, "root", Role.ADMIN, os_user="root")
    with engine.begin() as connection:
        first = people.new_token(connection, "maria", by="root")
        second = people.new_token(connection, "maria", by="root")

    assert identify(engine, None, os_user="x", token=second).person.name == "maria"
    for stale in (first, token_of("maria")):
        with pytest.raises(PersonRefused, match="TIEOUT_TOKEN is nobody's"):
            identify(engine, None, os_user="x", token=stale)


def test_whoever_is_enabled_again_needs_a_new_token(engine: Engine) -> None:
    with engine.begin() as connection:
        before = people.new_token(connection, "maria", by="tests")
    change(engine, "maria", disabled=True)
    with pytest.raises(PersonRefused, match="maria is disabled"):
        identify(engine, None, os_user="x", token=before)
    with pytest.raises(PersonRefused, match="maria is disabled"), engine.begin() as connection:
        people.new_token(connection, "maria", by="tests")
    change(engine, "maria", disabled=False)
    with pytest.raises(PersonRefused, match="TIEOUT_TOKEN is nobody's"):
        identify(engine, None, os_user="x", token=before)
    with engine.begin() as connection:
        since = people.new_token(connection, "maria", by="tests")
    change(engine, "maria", disabled=False)  # again: nothing was disabled

    assert identify(engine, None, os_user="x", token=since).person.name == "maria"


def test_every_change_of_a_person_is_in_the_audit_trail(engine: Engine) -> None:
    add(engine, "root", Role.ADMIN, os_user="root")
    change(engine, "maria", disabled=True)
    change(engine, "maria", disabled=False)
    with engine.begin() as connection:
        people.set_roles(connection, "maria", [Role.OPS], by="root")
        people.new_token(connection, "maria", by="root")
        people.revoke_token(connection, "maria", by="root")
        rows = trail(connection, "person maria")

    assert [row.action for row in rows] == [
        "person.disabled",
        "person.enabled",
        "person.roles",
        "person.token_replaced",
        "person.token_revoked",
    ]
    assert rows[2].detail == {"before": ["approver", "finance", "ops"], "after": ["ops"]}


def test_an_audit_row_names_the_person_and_the_administrator_acting_for_them(
    engine: Engine,
) -> None:
    add(engine, "root", Role.ADMIN, os_user="root")
    people.act_as(engine, identify(engine, "maria", os_user="root"))

    proposal = propose(engine, "maria")

    with engine.connect() as connection:
        (row,) = trail(connection, proposal)
    assert (row.actor, row.acting) == ("maria", "root")


def test_a_row_of_a_person_acting_for_themselves_and_of_a_job_names_no_other(
    engine: Engine,
) -> None:
    proposal = propose(engine, "maria")
    people.act_as(engine, identify(engine, None, os_user="x", token=token_of("jonas")))
    approve(engine, proposal, "jonas")

    with engine.connect() as connection:
        rows = trail(connection, proposal)
    assert [(row.actor, row.acting) for row in rows] == [
        ("maria", None),
        ("jonas", None),
        ("jonas", None),
    ]


@pytest.mark.parametrize(
    "by",
    [
        " maria",
        "maria ",
        "Maria",
        "MARIA",
        f"m{CYRILLIC_A}ria",
        "maria\u200b",
        "nobody",
        "left",
    ],
    ids=["before", "after", "case", "upper", "homoglyph", "invisible", "unknown", "disabled"],
)
def test_a_variant_of_the_proposer_approves_nothing(engine: Engine, by: str) -> None:
    add(engine, "left")
    change(engine, "left", disabled=True)
    proposal = propose(engine, "maria")

    with pytest.raises(PersonRefused, match=r"nobody is registered as|is disabled"):
        approve(engine, proposal, by)

    assert balance(engine) == 1000
    assert [row.state for row in adjustments.pending_adjustments(engine)] == ["proposed"]


def test_a_second_account_of_the_same_operating_system_user_approves_nothing(
    engine: Engine,
) -> None:
    add(engine, "ana", os_user="ana")
    add(engine, "ana second", os_user="ana")
    proposal = propose(engine, "ana")

    with pytest.raises(PersonRefused, match="another account of the same operating-system"):
        approve(engine, proposal, "ana second")

    assert balance(engine) == 1000
    assert approve(engine, proposal, "jonas") == "posted"


def test_moving_an_account_to_another_operating_system_user_comes_too_late(
    engine: Engine,
) -> None:
    add(engine, "ana", os_user="ana")
    add(engine, "ana second", os_user="ana")
    proposal = propose(engine, "ana")
    with engine.begin() as connection:
        connection.execute(text("UPDATE people SET os_user = 'x' WHERE name = 'ana'"))

    with pytest.raises(PersonRefused, match="another person decides"):
        approve(engine, proposal, "ana second")


def test_one_administrator_does_not_decide_for_one_person_what_they_proposed_for_another(
    engine: Engine,
) -> None:
    add(engine, "root", Role.ADMIN, os_user="root")
    url = engine.url
    first, second = (open_engine(url.render_as_string(hide_password=False)) for _ in range(2))
    people.act_as(first, identify(engine, "maria", os_user="root"))
    people.act_as(second, identify(engine, "jonas", os_user="root"))
    proposal = propose(first, "maria")

    with pytest.raises(PersonRefused, match="another person decides"):
        approve(second, proposal, "jonas")

    first.dispose()
    second.dispose()


def test_a_borrowed_token_decides_nothing_of_the_borrowers(engine: Engine) -> None:
    add(engine, "ana", os_user="ana")
    proposal = propose(engine, "ana")
    actor = identify(engine, None, os_user="ana", token=token_of("jonas"))
    people.act_as(engine, actor)

    with pytest.raises(PersonRefused, match="another person decides"):
        approve(engine, proposal, "jonas")


def test_two_people_with_tokens_decide_in_the_session_of_a_third(engine: Engine) -> None:
    add(engine, "root", Role.ADMIN, os_user="root")
    url = engine.url.render_as_string(hide_password=False)
    maria, jonas, root = (open_engine(url) for _ in range(3))
    for opened, token in ((maria, "maria"), (jonas, "jonas"), (root, None)):
        secret = None if token is None else token_of(token)
        people.act_as(opened, identify(engine, None, os_user="root", token=secret))
    proposal = propose(maria, "maria")

    with pytest.raises(PersonRefused, match="another person decides"):
        approve(root, proposal, "root")
    assert approve(jonas, proposal, "jonas") == "posted"

    for opened in (maria, jonas, root):
        opened.dispose()


@pytest.mark.parametrize("by", ["maria", " maria", "left", "nobody", "maria second"])
def test_statements_of_the_application_role_meet_the_same_checks(
    engine: Engine, by: str
) -> None:
    """What a statement claims about the eyes does not count."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE people SET os_user = 'maria' WHERE name = 'maria'"))
    add(engine, "maria second", os_user="maria")
    add(engine, "left")
    change(engine, "left", disabled=True)
    params = {"id": f"adj-{7:032x}", "eyes": ["person:0"]}
    with engine.begin() as connection:
        connection.execute(text(_INSERT), {**params, "by": "maria"})

    with pytest.raises(IntegrityError) as caught, engine.begin() as connection:
        connection.execute(text(_APPROVE), {**params, "by": by, "eyes": ["person:1"]})

    assert isinstance(caught.value.orig, errors.IntegrityError)
    diag = caught.value.orig.diag
    assert diag.constraint_name is not None
    assert diag.constraint_name.startswith(("adjustments", "people"))
    with (
        pytest.raises(IntegrityError, match="nobody is registered"),
        engine.begin() as connection,
    ):
        connection.execute(text(_INSERT), {"id": f"adj-{8:032x}", "by": "x", "eyes": None})


def test_a_person_keeps_their_name_and_their_row(engine: Engine) -> None:
    for statement, guard in {
        "UPDATE people SET name = 'other' WHERE name = 'maria'": "keeps id and name",
        "DELETE FROM people WHERE name = 'maria'": "append-only: DELETE on people",
        "TRUNCATE people CASCADE": "append-only: TRUNCATE on people",
    }.items():
        with pytest.raises(IntegrityError, match=guard), engine.begin() as connection:
            connection.execute(text(statement))


def test_a_proposal_from_before_people_is_decided_by_another_person(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE adjustments DISABLE TRIGGER adjustments_eyes"))
        params = {"id": f"adj-{9:032x}", "eyes": None, "by": "maria"}
        connection.execute(text(_INSERT), params)
        connection.execute(text("ALTER TABLE adjustments ENABLE TRIGGER adjustments_eyes"))

    with pytest.raises(adjustments.AdjustmentRefused, match="another person decides"):
        approve(engine, f"adj-{9:032x}", "maria")
    assert approve(engine, f"adj-{9:032x}", "jonas") == "posted"


@pytest.mark.parametrize("name", [" ana", "Ana", "ana  lima", "\uff41na", "reconcile", ""])
def test_the_database_stores_no_name_that_is_not_normalised(engine: Engine, name: str) -> None:
    statement = (
        "INSERT INTO people (name, skeleton, display_name, roles)"
        " VALUES (:name, 'x', 'x', '{admin}')"
    )
    with (
        pytest.raises(IntegrityError, match="people_name_normalised"),
        engine.begin() as connection,
    ):
        connection.execute(text(statement), {"name": name})
