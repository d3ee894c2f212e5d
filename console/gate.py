"""What every request passes: session, right, form token; then its page, or an error page.

Runs in threads, because pages read the database. A refusal becomes a page with an id that
stands in the log, too.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import structlog
from sqlalchemy.exc import OperationalError, SQLAlchemyError, StatementError

from console.accounts.sessions import BrowserSession, find_session, form_token_of
from console.config import Console, Visit
from console.replies import HtmlPage, Reply, RequestRefused, SeeOther, forbidden, not_found
from console.uploads import UploadedFile
from storage.archive.rows import ArchiveUnreadable
from vocabulary.currencies import CurrencyUnknown
from vocabulary.errors import Malformed, NotAllowed, Overtaken, Unavailable
from vocabulary.people import RIGHTS, PersonRefused, Right, Role
from vocabulary.texts import is_storable

#: Seconds until a browser may ask again when the database is away.
RETRY_AFTER_S = 5

log = structlog.get_logger()

Handler = Callable[[Visit], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address.

    Attributes:
        path: as aiohttp reads it.
        right: what a person needs for it; None: nobody has to be signed in.
        takes_files: whether its form may have files; other forms with files are refused.
    """

    method: str
    path: str
    right: Right | None
    handler: Handler
    takes_files: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request, read from the wire.

    Attributes:
        cookie: the session token; ``browser_token``: that of the form that signs in.
        origin: what the browser says of the page that sent a form; empty: nothing.
        host: the host that the browser asked for.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    cookie: str
    browser_token: str
    origin: str
    host: str
    address: str
    url: str
    is_fetched_elsewhere: bool
    files: tuple[UploadedFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOutcome:
    """A reply with the session it was made for; ``error_id`` if it is an error page."""

    reply: Reply
    session: BrowserSession | None
    error_id: str = ""
    status: int = HTTPStatus.OK


def pass_gate(console: Console, route: Route, incoming: Incoming) -> GateOutcome:
    """Answer one request."""
    session = None
    try:
        session = session_of(console, incoming)
        visit = visit_of(console, incoming, session)
        if route.right is not None and session is None:
            return GateOutcome(
                reply=SeeOther(path=login_path(incoming.url, route)), session=None
            )
        if route.method == "POST":
            _check_form(console, incoming, visit)
        if route.right is not None:
            check_right(visit, route.right)
            _check_texts(incoming)
        return GateOutcome(reply=route.handler(visit), session=session)
    except Exception as error:  # noqa: BLE001 - the edge: every failure becomes a page
        return failed(error, route, session)


def turned_away(console: Console, route: Route, incoming: Incoming) -> GateOutcome | None:
    """The answer to somebody who may not send this form; None if they may."""
    admitted = SeeOther(path=incoming.url)
    outcome = pass_gate(console, replace(route, handler=lambda _visit: admitted), incoming)
    return None if outcome.reply is admitted else outcome


def login_path(url: str, route: Route | None = None) -> str:
    """Where to sign in, and return from to the page that was asked for."""
    if route is not None and route.method != "GET":  # a form cannot be sent again by a link
        url = url.rpartition("/")[0] or "/"
    return "/login" if url == "/" else f"/login?next={quote(url, safe='')}"


def safe_path(target: str) -> str:
    """A path of ours; the first page instead of any other address."""
    try:
        parts = urlsplit(target) if target.isprintable() and "\\" not in target else None
    except ValueError:  # a bracket where a host would be
        return "/"
    is_ours = (
        parts is not None
        and not parts.scheme
        and not parts.netloc
        and target.startswith("/")
        and not target.startswith("//")
        and not parts.path.startswith(("/login", "/logout", "/reset", "/sso"))
    )
    return target if is_ours else "/"


def session_of(console: Console, incoming: Incoming) -> BrowserSession | None:
    """The session of the request's cookie; None: there is none."""
    if not incoming.cookie:
        return None
    with console.writers.begin() as connection:
        return find_session(
            connection,
            incoming.cookie,
            now=console.clock.now(),
            idle=console.config.session_idle,
        )


def visit_of(console: Console, incoming: Incoming, session: BrowserSession | None) -> Visit:
    """The request as pages see it."""
    return Visit(
        console=console,
        session=session,
        path=incoming.path,
        query=incoming.query,
        form=incoming.form,
        files=incoming.files,
        now=console.clock.now(),
        address=incoming.address,
        url=incoming.url,
        browser_token=incoming.browser_token,
        host=incoming.host,
    )


def _check_form(console: Console, incoming: Incoming, visit: Visit) -> None:
    """Refuse a form that another site sent, or that belongs to another session."""
    check_site(console, incoming)
    secret = visit.browser_token if visit.session is None else visit.session.token
    if not is_form_token(incoming.form.get("form_token", ""), secret):
        raise forbidden(
            "The form is too old: you signed in again, or signed out, since it was opened."
            " Nothing was done. Go back, load the page again and repeat it."
        )


def _check_texts(incoming: Incoming) -> None:
    """Refuse texts that no database can hold.

    Raises:
        RequestRefused: one of the path.
        Malformed: one of the query or the form.
    """
    for name, text in incoming.path.items():
        if not is_storable(text):
            raise not_found(name, "")
    for name, text in (*incoming.query.items(), *incoming.form.items()):
        if not is_storable(name):
            raise Malformed("the form", "names of fields without NUL are expected")
        if not is_storable(text):
            raise Malformed(name, "text of Unicode without NUL is expected")


def check_site(console: Console, incoming: Incoming) -> None:
    """Refuse what a page of another site sent."""
    own = urlsplit(console.config.public_url).netloc or incoming.host
    if incoming.is_fetched_elsewhere or (incoming.origin and _host_of(incoming.origin) != own):
        raise forbidden("The form came from another site, so nothing was done.")


def _host_of(origin: str) -> str | None:
    """The host and port of an origin; None: it is no URL."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def is_form_token(sent: str, secret: str) -> bool:
    """Whether a form token belongs to the session, or the browser, of a secret."""
    expected = form_token_of(secret) if secret else ""
    return bool(expected) and hmac.compare_digest(
        sent.encode("utf-8", "surrogatepass"), expected.encode()
    )


def check_right(visit: Visit, right: Right) -> None:
    """Refuse a person who lacks a right."""
    person = visit.signed_in.person
    if person.limited_to is not None and right not in person.limited_to:
        raise forbidden(
            f"The token lacks the scope {right.name.lower()}. Its person makes another one at"
            " /tokens."
        )
    if not person.may(right):
        fitting = ", ".join(role for role in Role if right in RIGHTS[role])
        raise forbidden(
            f"{person.name} ({', '.join(sorted(person.roles))}) may not {right}."
            f" Roles that may: {fitting}. Administrators give roles with `tieout user roles`."
        )


def failed(error: Exception, route: Route, session: BrowserSession | None) -> GateOutcome:
    """The error page of a failure, with an id that the log has, too."""
    refusal, error_id = note_failure(error, route.path)
    page = HtmlPage(
        template=refusal.template,
        values={
            **refusal.values,
            "title": refusal.title,
            "why": refusal.why,
            "status": int(refusal.status),
            "error_id": error_id,
        },
        status=refusal.status,
    )
    return GateOutcome(reply=page, session=session, error_id=error_id, status=refusal.status)


def note_failure(error: Exception, path: str) -> tuple[RequestRefused, str]:
    """Log a failure; returns it as a refusal, and the id that the log has, too."""
    if isinstance(error, StatementError):
        error.hide_parameters = True  # they hold hashes, names and comments
    refusal = refusal_of(error)
    error_id = secrets.token_hex(5)
    details = {
        "error_id": error_id,
        "status": int(refusal.status),
        "route": path,
        "error": type(error).__name__,
    }
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("console_failed", **details, exc_info=error)
    else:
        log.info("console_refused", **details)
    return refusal, error_id


def refusal_of(error: Exception) -> RequestRefused:
    """A failure as a person reads it."""
    match error:
        case RequestRefused():
            return error
        case CurrencyUnknown():
            status, title = HTTPStatus.BAD_REQUEST, "A currency without digits"
            why = f"{error.reason}. Then start the console again."
        case Malformed():
            status, title, why = HTTPStatus.BAD_REQUEST, "Not understood", f"{error}."
        case PersonRefused():
            status, title, why = HTTPStatus.FORBIDDEN, "Not allowed", f"{error}."
        case Overtaken():
            status, title = HTTPStatus.CONFLICT, "Somebody was faster"
            why = f"{error}. Nothing was changed."
        case NotAllowed():
            status, title = HTTPStatus.UNPROCESSABLE_ENTITY, "Not done"
            why = f"{error}. Nothing was changed."
        case ArchiveUnreadable():
            status, title = HTTPStatus.SERVICE_UNAVAILABLE, "An archive is away"
            why = f"{error}. Nothing was changed."
        case Unavailable() | OperationalError():
            status, title = HTTPStatus.SERVICE_UNAVAILABLE, "The database is away"
            why = (
                "What you sent was done whole or not at all. Open the page again in a moment to"
                " see; the same form sent again does nothing twice."
            )
        case SQLAlchemyError() if "permission denied" in str(error.__cause__):
            status, title = HTTPStatus.SERVICE_UNAVAILABLE, "The console may not do this"
            why = (
                "Its database role lacks a right: run `tieout migrate` as the database's owner."
            )
        case _:
            status, title = HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of ours"
            why = "Nothing is known to be changed. The log has the details under the id below."
    return RequestRefused(status=status, title=title, why=why)
