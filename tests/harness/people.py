"""The people of the tests: registered once, in the template of every database."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

from sqlalchemy import Engine, text

from vocabulary.people import Role

#: Whoever acts in a test; each may do everything that needs no administrator.
NAMES = ("ann", "bob", "e", "erin", "eve", "j", "jonas", "m", "maria", "nora")
ROLES = frozenset({Role.FINANCE, Role.APPROVER, Role.OPS})

_REGISTER = """
INSERT INTO people (name, skeleton, display_name, roles, token_hash)
VALUES (:name, :name, :name, :roles, :hash)
"""


def register_people(engine: Engine) -> None:
    """Register everyone, each with a token of their own, without rows of the audit trail."""
    rows = [
        {
            "name": name,
            "roles": sorted(ROLES),
            "hash": hashlib.sha256(token_of(name).encode()).hexdigest(),
        }
        for name in NAMES
    ]
    with engine.begin() as connection:
        connection.execute(text(_REGISTER), rows)


def token_of(name: str) -> str:
    """A person's token."""
    return f"token of {name}"


def signed_in(words: Sequence[str]) -> Mapping[str, str]:
    """The environment of a command: the token of the person it names with ``--by``."""
    named = [name for option, name in pairwise(words) if option == "--by" and name in NAMES]
    return {"TIEOUT_TOKEN": token_of(named[0])} if named else {}
