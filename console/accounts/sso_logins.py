"""Logins at the identity provider that have begun: each state comes back once, to its browser.

Table written: ``sso_logins``.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from console.accounts.passwords import digest_of

#: How long a person may take at the identity provider.
LOGIN_LASTS = timedelta(minutes=10)
#: Most logins that are under way: anybody may begin one.
LOGINS_MAX = 10_000

_CLEAN = "DELETE FROM sso_logins WHERE begun_at < :before"
_BEGIN = """
INSERT INTO sso_logins (state_hash, browser_hash, nonce, verifier, target, begun_at)
SELECT :state, :browser, :nonce, :verifier, :target, :now
 WHERE (SELECT count(*) FROM sso_logins) < :most
"""
_TAKE = """
UPDATE sso_logins SET used_at = :now
 WHERE state_hash = :state AND browser_hash = :browser AND used_at IS NULL
   AND begun_at > :since
RETURNING nonce, verifier, target
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoLogin:
    """A login that has begun.

    Attributes:
        nonce: the identity token repeats it.
        verifier: proves to the identity provider that the code comes from whoever asked.
        target: the path to open afterwards.
    """

    nonce: str
    verifier: str
    target: str


def begin_login(
    connection: Connection, *, browser_token: str, target: str, now: datetime
) -> tuple[str, SsoLogin] | None:
    """Begin a login; returns its state and what is kept about it; None: too many are begun."""
    state = secrets.token_urlsafe(32)
    login = SsoLogin(
        nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(64), target=target
    )
    connection.execute(text(_CLEAN), {"before": now - LOGIN_LASTS})
    params = {
        "state": digest_of(state),
        "browser": digest_of(browser_token),
        "nonce": login.nonce,
        "verifier": login.verifier,
        "target": target,
        "now": now,
        "most": LOGINS_MAX,
    }
    return (state, login) if connection.execute(text(_BEGIN), params).rowcount else None


def take_login(
    connection: Connection, state: str, *, browser_token: str, now: datetime
) -> SsoLogin | None:
    """The login of a state, once; None: unknown, used, too old, or of another browser."""
    params = {
        "state": digest_of(state),
        "browser": digest_of(browser_token),
        "now": now,
        "since": now - LOGIN_LASTS,
    }
    row = connection.execute(text(_TAKE), params).one_or_none()
    return None if row is None else SsoLogin(**row._mapping)
