"""Registered people, and transactions that say who acts.

Every change writes a row of the audit trail in its transaction. Tables written: ``people``,
``audit``.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, Row, event, text
from sqlalchemy.exc import IntegrityError

from storage.audit import record
from storage.logins import end_logins
from vocabulary.errors import Malformed, Overtaken
from vocabulary.people import (
    Actor,
    Person,
    PersonRefused,
    Role,
    actor_for,
    normalized_name,
    skeleton_of,
)

_COLUMNS = "person_id, name, display_name, roles, os_user, disabled_at IS NOT NULL AS disabled"
_ADD = f"""
INSERT INTO people (name, skeleton, display_name, roles, os_user)
VALUES (:name, :skeleton, :display_name, :roles, :os_user)
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns
_LIST = f"SELECT {_COLUMNS} FROM people ORDER BY name"  # noqa: S608 - our own columns
_BY_NAME = f"SELECT {_COLUMNS} FROM people WHERE name = :value"  # noqa: S608 - as above
_BY_TOKEN = f"SELECT {_COLUMNS} FROM people WHERE token_hash = :value"  # noqa: S608 - as above
_BY_OS_USER = f"""
SELECT {_COLUMNS} FROM people WHERE os_user = :value ORDER BY person_id
"""  # noqa: S608 - our own columns
_LOCK = "LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE"
_DISABLE = "UPDATE people SET disabled_at = coalesce(disabled_at, now()) WHERE person_id = :id"
# Until then the token says whose it is, so that a command can say that they are disabled.
_ENABLE = """
UPDATE people SET disabled_at = NULL,
                  token_hash = CASE WHEN disabled_at IS NULL THEN token_hash END
 WHERE person_id = :id
"""
_SET_ROLES = "UPDATE people SET roles = :roles WHERE person_id = :id"
_SET_TOKEN = "UPDATE people SET token_hash = :hash WHERE person_id = :id"  # noqa: S105 - SQL
_ADMINS_LEFT = """
SELECT count(*) FROM people WHERE disabled_at IS NULL AND 'admin' = ANY(roles)
"""
_ACT = """
SELECT set_config('tieout.person', %s, true), set_config('tieout.acting', %s, true),
       set_config('tieout.session', %s, true)
"""
_NOTHING: Mapping[str, object] = MappingProxyType({})
#: What constraints of the database say in a person's words.
_REFUSALS = {
    "people_are_registered": None,  # the database's own message says it
    "people_are_enabled": None,
    "day_steps_two_people": None,
    "day_steps_follow": None,
    "day_closes_not_signed": None,
    "day_closes_day_is_over": None,
    "invoice_steps_two_people": None,
    "invoice_steps_follow": None,
    "invoice_steps_pkey": "somebody else took a step of this invoice meanwhile: look again",
    "day_steps_once": "somebody else took a step of this day meanwhile: look at it again",
    "archives_are_sealed": None,
    "archive_releases_signed": None,
    "archive_releases_follow": None,
    "archive_releases_one_each": "somebody else requested it meanwhile: look at it again",
    **dict.fromkeys(
        (
            "archive_releases_two_people",
            *("adjustments_two_people", "write_offs_two_people"),
            *("limit_versions_two_people", "fund_requests_two_people"),
            *("restores_two_people", "recoveries_two_people"),
        ),
        "the proposer, or another account of the same operating-system user, takes part:"
        " another person decides",
    ),
}

#: Those that a person meets only because another one was faster.
_OVERTAKEN = frozenset(
    {
        *("invoice_steps_pkey", "invoice_steps_follow", "day_steps_once", "day_steps_follow"),
        *("day_closes_not_signed", "archive_releases_one_each"),
    }
)


def act_as(engine: Engine, actor: Actor) -> None:
    """Let every later transaction of an engine say who acts; the database marks its rows."""
    session = ",".join(str(person.person_id) for person in actor.others)
    params = (str(actor.person.person_id), str(actor.acting.person_id), f"{{{session}}}")

    @event.listens_for(engine, "begin")
    def _say_who_acts(connection: Connection) -> None:
        connection.exec_driver_sql(_ACT, params)


def identify(
    connection: Connection, *, by: str | None, os_user: str, token: str | None
) -> Actor:
    """Find out who acts, see ``vocabulary.people.actor_for``.

    Raises:
        Malformed: the name cannot be one, or nobody is known by token or OS user.
        PersonRefused: the person is unknown or disabled, or may not act for the named one.
    """
    by_token = None
    if token is not None:
        by_token = _select(connection, _BY_TOKEN, _hash_of(token))
        if by_token is None:
            raise PersonRefused("TIEOUT_TOKEN is nobody's: it was replaced, or is mistyped")
    rows = connection.execute(text(_BY_OS_USER), {"value": os_user})
    return actor_for(
        by,
        os_user=os_user,
        by_token=by_token,
        by_os_user=[_person(row) for row in rows],
        named=None if by is None else _select(connection, _BY_NAME, normalized_name(by)),
    )


def add_first_admin(engine: Engine, os_user: str) -> Person | None:
    """Register an operating-system user as administrator if nobody is registered yet."""
    with engine.begin() as connection:
        connection.execute(text(_LOCK))
        if people_in(connection):
            return None
        return add_person(connection, os_user, roles={Role.ADMIN}, os_user=os_user, by="tieout")


def add_person(
    connection: Connection,
    name: str,
    *,
    roles: Collection[Role],
    by: str,
    display_name: str | None = None,
    os_user: str | None = None,
) -> Person:
    """Register a person.

    Raises:
        Malformed: the name cannot be one, or the operating-system user has none.
        PersonRefused: the name, or one that looks the same, is taken.
    """
    normalized = normalized_name(name)
    if os_user is not None and not os_user.strip():
        raise Malformed("operating-system user", "its name is expected, or none at all")
    params = {
        "name": normalized,
        "skeleton": skeleton_of(normalized),
        "display_name": display_name or " ".join(name.split()),
        "roles": sorted(roles),
        "os_user": os_user,
    }
    try:
        with connection.begin_nested():
            person = _person(connection.execute(text(_ADD), params).one())
    except IntegrityError as error:
        if _constraint_of(error) == "people_name_normalised":
            raise Malformed(
                "name", f"another one is expected: {normalized} is no person's name here"
            ) from error
        raise PersonRefused(
            f"{normalized} is registered already, or a name that looks the same"
        ) from error
    detail = {"roles": params["roles"], "os_user": os_user}
    record(connection, by, "person.added", _subject(person), detail)
    return person


def people_in(connection: Connection) -> list[Person]:
    """Everyone who is or was registered, by name."""
    return [_person(row) for row in connection.execute(text(_LIST))]


def get_person(connection: Connection, name: str) -> Person:
    """One person.

    Raises:
        Malformed: the name cannot be one.
        PersonRefused: nobody has it.
    """
    person = _select(connection, _BY_NAME, normalized_name(name))
    if person is None:
        raise PersonRefused(
            f"nobody is registered as {name!r}; `tieout user list` shows who is"
        )
    return person


def set_disabled(connection: Connection, name: str, *, disabled: bool, by: str) -> Person:
    """Disable a person, which ends their sessions, links and tokens, or enable them again.

    Raises:
        PersonRefused: nobody has the name, or no administrator would be left.
    """
    if disabled:
        person = _change(connection, name, _DISABLE, by=by, action="disabled")
        end_logins(connection, person.person_id)
        return person
    return _change(connection, name, _ENABLE, by=by, action="enabled")


def set_roles(connection: Connection, name: str, roles: Collection[Role], *, by: str) -> Person:
    """Give a person these roles instead of those they have.

    Raises:
        PersonRefused: nobody has the name, or no administrator would be left.
    """
    detail = {"before": sorted(get_person(connection, name).roles), "after": sorted(roles)}
    return _change(
        connection, name, _SET_ROLES, by=by, action="roles", detail=detail, roles=sorted(roles)
    )


def new_token(connection: Connection, name: str, *, by: str) -> str:
    """Make a new personal token, the only one that is valid; only its hash is stored.

    Raises:
        PersonRefused: nobody has the name, or the person is disabled.
    """
    if (person := get_person(connection, name)).disabled:
        raise PersonRefused(f"{person.name} is disabled")
    token = f"tieout-{secrets.token_urlsafe(32)}"
    digest = _hash_of(token)
    _change(connection, name, _SET_TOKEN, by=by, action="token_replaced", hash=digest)
    return token


def revoke_token(connection: Connection, name: str, *, by: str) -> Person:
    """Remove a person's token.

    Raises:
        PersonRefused: nobody has the name.
    """
    return _change(connection, name, _SET_TOKEN, by=by, action="token_revoked", hash=None)


@contextmanager
def refused_people() -> Iterator[None]:
    """Raise the database's refusals of a person in a person's words.

    Raises:
        PersonRefused: the person is not registered or disabled, or is not a second person.
        Overtaken: somebody else took the step.
    """
    try:
        yield
    except IntegrityError as error:
        constraint = _constraint_of(error)
        if constraint not in _REFUSALS:
            raise
        diagnostics = getattr(error.orig, "diag", None)
        message = _REFUSALS[constraint] or str(getattr(diagnostics, "message_primary", ""))
        raise (Overtaken if constraint in _OVERTAKEN else PersonRefused)(message) from error


def _constraint_of(error: IntegrityError) -> str | None:
    """The constraint that a statement violates."""
    name: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return name


def _change(
    connection: Connection,
    name: str,
    statement: str,
    *,
    by: str,
    action: str,
    detail: Mapping[str, object] = _NOTHING,
    **params: object,
) -> Person:
    connection.execute(text(_LOCK))  # two administrators must not disable each other
    before = get_person(connection, name)
    connection.execute(text(statement), {**params, "id": before.person_id})
    was_admin = Role.ADMIN in before.roles and not before.disabled
    if was_admin and not connection.execute(text(_ADMINS_LEFT)).scalar_one():
        raise PersonRefused(f"{before.name} is the last administrator")
    record(connection, by, f"person.{action}", _subject(before), dict(detail))
    return get_person(connection, name)


def _select(connection: Connection, sql: str, value: str) -> Person | None:
    row = connection.execute(text(sql), {"value": value}).one_or_none()
    return None if row is None else _person(row)


def _person(row: Row[Any]) -> Person:
    values = dict(row._mapping)
    values["roles"] = frozenset(Role(role) for role in values["roles"])
    return Person(**values)


def _subject(person: Person) -> str:
    return f"person {person.name}"


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
