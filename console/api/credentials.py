"""Who sends a request: the owner of a bearer token, or of a session that proves its page."""

from dataclasses import dataclass
from http import HTTPStatus

import structlog

from console.accounts.api_tokens import find_token, person_of
from console.accounts.attempts import WINDOW, begin_attempt
from console.accounts.sessions import BrowserSession
from console.api.problems import RequestProblem, refuse
from console.config import Console
from console.gate import Incoming, check_site, is_form_token, session_of

#: The header in which a page of ours sends its form token.
FORM_TOKEN_HEADER = "X-Form-Token"  # noqa: S105 - the name of a header
_SCHEME = "bearer"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSender:
    """Whose request it is.

    Attributes:
        session: with the person; its token is empty if an API token was sent.
        key: names the token or session, for its rate limit.
    """

    session: BrowserSession
    key: str


def sender_of(
    console: Console, incoming: Incoming, *, authorization: str, form_token: str
) -> ApiSender:
    """Find out who sends a request.

    Raises:
        RequestProblem: nobody is known by it.
    """
    scheme, _, secret = authorization.partition(" ")
    if authorization:
        if scheme.lower() != _SCHEME or not secret.strip():
            raise _unknown("Only `Authorization: Bearer TOKEN` is understood.")
        return _by_token(console, incoming, secret.strip())
    session = session_of(console, incoming) if form_token else None
    if session is None or not is_form_token(form_token, session.token):
        raise _unknown(
            "Send `Authorization: Bearer TOKEN`; people make tokens at /tokens. A cookie alone"
            " does not count."
        )
    check_site(console, incoming)
    return ApiSender(session=session, key=f"session {session.form_token}")


def _by_token(console: Console, incoming: Incoming, secret: str) -> ApiSender:
    now = console.clock.now()
    with console.writers.begin() as connection:
        token = find_token(connection, secret, now=now)
        if token is not None:
            person = person_of(connection, token)
            session = BrowserSession(person=person, token="", expires_at=token.expires_at)
            return ApiSender(session=session, key=f"token {token.token_id}")
        # The same limits as for passwords, but counted apart: a program with an expired token
        # must not lock the people of its address out.
        address = f"bearer {incoming.address}"
        is_counted = begin_attempt(connection, address, address, now=now)
    if is_counted is None:
        log.warning("login_limited", address=incoming.address)
        wait_s = int(WINDOW.total_seconds())
        raise refuse(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many requests with unknown tokens came from this address.",
            headers={"Retry-After": str(wait_s)},
        )
    log.info("login_refused", address=incoming.address)
    raise _unknown("The token is unknown, revoked or expired, or its person is disabled.")


def _unknown(why: str) -> RequestProblem:
    return refuse(
        HTTPStatus.UNAUTHORIZED, why, headers={"WWW-Authenticate": 'Bearer realm="tieout"'}
    )
