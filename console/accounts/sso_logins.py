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
#: Most logins that are under way: anybody may begin one, and then the oldest is given up.
LOGINS_MAX = 10_000

_CLEAN = "DELETE FROM sso_logins WHERE begun_at < :before"
_MAKE_ROOM = """
DELETE FROM sso_logins WHERE state_hash IN
  (SELECT state_hash FROM sso_logins
    WHERE (begun_at, state_hash) <=
          (SELECT begun_at, state_hash FROM sso_logins
            ORDER BY begun_at DESC, state_hash DESC OFFSET :most LIMIT 1)
      FOR UPDATE SKIP LOCKED)
"""
_BEGIN = """
INSERT INTO sso_logins (state_hash, browser_hash, nonce, verifier, target, begun_at)
VALUES (:state, :browser, :nonce, :verifier, :target, :now)
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
) -> tuple[str, SsoLogin]:
    """Begin a login; returns its state and what is kept about it."""
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
    }
    connection.execute(text(_MAKE_ROOM), {"most": LOGINS_MAX - 1})
    connection.execute(text(_BEGIN), params)
    return state, login


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
