"""Sign in, sign out, and choose a password with a one-time code."""

import threading
from http import HTTPStatus

import structlog

from console.accounts.attempts import WINDOW, begin_attempt, forget_failures, succeeded
from console.accounts.passwords import (
    PASSWORD_CHARS_MIN,
    is_password,
    keeps_password,
    owner_of_code,
    password_hash,
)
from console.accounts.passwords import set_password as store_password
from console.accounts.sessions import end_session, open_session
from console.acting import writers_for
from console.config import Visit
from console.gate import safe_path
from console.replies import HtmlPage, Reply, RequestRefused, SeeOther, forbidden
from storage.people import get_person
from vocabulary.errors import Malformed
from vocabulary.people import normalized_name

#: Passwords that are hashed at the same time: each takes 64 MiB.
_hashing = threading.BoundedSemaphore(2)

log = structlog.get_logger()


def show_login(visit: Visit) -> Reply:
    """The form; whoever is signed in goes on to the page that was asked for."""
    target = safe_path(visit.query.get("next", "/"))
    if visit.session is not None:
        return SeeOther(path=target)
    return _login_page(visit, target)


def log_in(visit: Visit) -> Reply:
    """Check name and password, and begin a session with a new token.

    An unknown name takes as long as a wrong password and gets the same answer.
    """
    _check_passwords(visit)
    target = safe_path(visit.form.get("next", "/"))
    typed, password = visit.form.get("name", ""), visit.form.get("password", "")
    name = _stored_name(typed)
    with visit.console.writers.begin() as connection:
        attempt = begin_attempt(connection, name, visit.address, now=visit.now)
        stored_hash = password_hash(connection, name)
    if attempt is None:
        log.warning("login_limited", address=visit.address)
        return _login_page(
            visit,
            target,
            name=typed,
            error="Too many attempts failed. Wait"
            f" {int(WINDOW.total_seconds()) // 60} minutes, or use a one-time link.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
        )
    with _hashing:
        fits = is_password(password, stored_hash)
    begun = _begin(visit, name, stored_hash, attempt, target) if fits else None
    if begun is None:
        log.info("login_refused", address=visit.address)
        return _login_page(
            visit,
            target,
            name=typed,
            error="This name and password do not belong together. `tieout user reset NAME`"
            " makes a link to choose a new password.",
            status=HTTPStatus.UNAUTHORIZED,
        )
    return begun


def log_out(visit: Visit) -> Reply:
    """End the session."""
    session = visit.signed_in
    with writers_for(visit.console, session.person).begin() as connection:
        end_session(connection, session, now=visit.now)
    return SeeOther(path="/login?done=signed-out", session_token="")


def show_reset(visit: Visit) -> Reply:
    """The form of a one-time code."""
    _check_passwords(visit)
    code = visit.path["code"]
    with visit.console.writers.connect() as connection:
        owner = owner_of_code(connection, code, now=visit.now)
    if owner is None:
        raise _void_code()
    return _reset_page(code, owner.name)


def set_password(visit: Visit) -> Reply:
    """Set the password that a code allows to set, and end every session of its owner."""
    _check_passwords(visit)
    code, password = visit.path["code"], visit.form.get("password", "")
    with visit.console.writers.connect() as connection:
        owner = owner_of_code(connection, code, now=visit.now)
    if owner is None:
        raise _void_code()
    if password != visit.form.get("again", ""):
        return _reset_page(code, owner.name, error="The two passwords differ.")
    try:
        with _hashing, writers_for(visit.console, owner).begin() as connection:
            if owner_of_code(connection, code, now=visit.now) is None:
                raise _void_code()
            store_password(connection, owner, password, by=owner.name, now=visit.now)
            forget_failures(connection, owner.name)  # or they would not get in with it
    except Malformed as malformed:
        return _reset_page(code, owner.name, error=f"A password: {malformed.reason}.")
    return SeeOther(path="/login?done=password", session_token="")


def _begin(
    visit: Visit, name: str, checked_hash: str | None, attempt: int, target: str
) -> SeeOther | None:
    """Begin a session; None: another password was set while this one was checked."""
    with visit.console.writers.connect() as connection:
        person = get_person(connection, name)
    with writers_for(visit.console, person).begin() as connection:
        if not keeps_password(connection, name, checked_hash):
            return None
        succeeded(connection, attempt, now=visit.now)
        if visit.session is not None:
            end_session(connection, visit.session, now=visit.now)
        lifetime = visit.config.session_lasts
        session = open_session(connection, person, now=visit.now, lifetime=lifetime)
    return SeeOther(path=target, session_token=session.token)


def _stored_name(typed: str) -> str:
    try:
        return normalized_name(typed)
    except Malformed:
        return ""  # nobody has it: it costs what any other unknown name costs


def _check_passwords(visit: Visit) -> None:
    if not visit.config.has_passwords:
        raise forbidden("Passwords are switched off: sign in with single sign-on at /login.")


def _login_page(
    visit: Visit, target: str, *, name: str = "", error: str = "", status: int = HTTPStatus.OK
) -> HtmlPage:
    values = {
        "target": target,
        "name": name,
        "error": error,
        "has_passwords": visit.config.has_passwords,
        "has_single_sign_on": visit.config.identity_provider is not None,
    }
    return HtmlPage(template="login.html", values=values, status=status)


def _reset_page(code: str, name: str, *, error: str = "") -> HtmlPage:
    values = {"code": code, "name": name, "error": error, "chars_min": PASSWORD_CHARS_MIN}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return HtmlPage(template="reset.html", values=values, status=status)


def _void_code() -> RequestRefused:
    return RequestRefused(
        status=HTTPStatus.NOT_FOUND,
        title="This link is void",
        why="It was used, replaced by another one, or is older than a day. If you have just"
        " chosen a password with it, that counts: sign in at /login. Otherwise an administrator"
        " makes a new one with `tieout user reset NAME`.",
    )
