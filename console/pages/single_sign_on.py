"""Single sign-on: to the identity provider and back, into a session of a registered person."""

from http import HTTPStatus

import structlog

from console.accounts.identity_provider import IdentityProvider
from console.accounts.sessions import end_session, open_session
from console.accounts.sso_logins import begin_login, take_login
from console.acting import writers_for
from console.config import Visit
from console.gate import safe_path
from console.replies import RequestRefused, SeeOther, not_found
from storage.people import get_person
from vocabulary.errors import Malformed, NotAuthentic, Unavailable
from vocabulary.people import Person, PersonRefused

log = structlog.get_logger()


def begin(visit: Visit) -> SeeOther:
    """Send the browser to the identity provider."""
    provider, target = _provider(visit), safe_path(visit.query.get("next", "/"))
    with visit.console.writers.begin() as connection:
        state, login = begin_login(
            connection, browser_token=visit.browser_token, target=target, now=visit.now
        )
    try:
        address = provider.login_address(
            redirect=_redirect(visit),
            state=state,
            nonce=login.nonce,
            verifier=login.verifier,
            now=visit.now,
        )
    except Unavailable as error:
        raise _away(error) from error
    return SeeOther(path=address)


def finish(visit: Visit) -> SeeOther:
    """Check what came back, and begin a session with a new token."""
    provider, query = _provider(visit), visit.query
    with visit.console.writers.begin() as connection:
        login = take_login(
            connection, query.get("state", ""), browser_token=visit.browser_token, now=visit.now
        )
    if login is None:
        raise _refused("this login was not begun in this browser, was used, or is too old")
    if "error" in query or not query.get("code"):
        raise _refused("the identity provider did not sign you in")
    if query.get("iss", provider.terms.issuer) != provider.terms.issuer:
        raise _refused("another identity provider answered")
    try:
        name = provider.name_by_code(
            query["code"],
            redirect=_redirect(visit),
            nonce=login.nonce,
            verifier=login.verifier,
            now=visit.now,
        )
    except NotAuthentic as error:
        raise _refused(str(error)) from error
    except Unavailable as error:
        raise _away(error) from error
    return _open(visit, _registered(visit, name), login.target)


def _open(visit: Visit, person: Person, target: str) -> SeeOther:
    with writers_for(visit.console, person).begin() as connection:
        if visit.session is not None:
            end_session(connection, visit.session, now=visit.now)
        session = open_session(
            connection,
            person,
            now=visit.now,
            lifetime=visit.config.session_lasts,
            by_single_sign_on=True,
        )
    return SeeOther(path=target, session_token=session.token)


def _registered(visit: Visit, name: str) -> Person:
    """The enabled person of a name: the identity provider registers nobody."""
    with visit.console.writers.connect() as connection:
        try:
            person = get_person(connection, name)
        except (Malformed, PersonRefused) as error:
            raise _unknown() from error
    if person.disabled:
        raise _unknown()
    return person


def _provider(visit: Visit) -> IdentityProvider:
    provider = visit.config.identity_provider
    if provider is None:
        raise not_found("page", visit.url.partition("?")[0])
    return provider


def _redirect(visit: Visit) -> str:
    return f"{visit.config.public_url or f'http://{visit.host}'}/sso/callback"


def _refused(why: str) -> RequestRefused:
    log.info("login_refused", reason=why)
    return RequestRefused(
        status=HTTPStatus.UNAUTHORIZED,
        title="Not signed in",
        why=f"Single sign-on failed: {why}. Begin again at /login.",
    )


def _unknown() -> RequestRefused:
    return RequestRefused(
        status=HTTPStatus.FORBIDDEN,
        title="Not registered",
        why="The identity provider knows you, but nobody enabled is registered here under that"
        " name. An administrator runs `tieout user add`.",
    )


def _away(error: Exception) -> RequestRefused:
    log.warning("identity_provider_unreachable", reason=str(error))
    return RequestRefused(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="The identity provider is away",
        why="Nobody can be signed in by it now. Try again in a moment, or tell operations.",
    )
