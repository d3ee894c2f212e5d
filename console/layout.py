"""What surrounds every page: navigation, the person, the search box, the form token."""

from console.accounts.sessions import BrowserSession, form_token_of
from console.config import Console
from console.gate import Incoming
from console.rendering import render
from console.replies import HtmlPage

#: The navigation: path, name.
SECTIONS = (
    ("/", "Today"),
    ("/days", "Days"),
    ("/breaks", "Breaks"),
    ("/people", "People"),
)
#: The fragments of notices that a redirect may ask for, with their text.
NOTICES = {
    "saved": "Done. The history below has it.",
    "proposed": "Proposed. Another person decides.",
    "approved": "Approved. It is booked within seconds.",
    "password": "The password is set. Sign in with it.",
    "signed-out": "You are signed out.",
    "revoked": "The token is revoked; the next request with it is refused.",
}


def html_of(
    page: HtmlPage, console: Console, incoming: Incoming, session: BrowserSession | None
) -> str:
    """The page as HTML, with everything around it."""
    secret = incoming.browser_token if session is None else session.token
    path = incoming.url.partition("?")[0]
    surroundings = {
        "person": None if session is None else session.person,
        "form_token": form_token_of(secret),
        "sections": SECTIONS,
        "section": _section(path),
        "notice": NOTICES.get(incoming.query.get("done", ""), ""),
        "query_text": incoming.query.get("q", "") if path == "/find" else "",
        "now": console.clock.now(),
        "exponents_of": console.config.exponents,
    }
    return render(page.template, {**surroundings, **page.values})


def _section(path: str) -> str:
    """The section of the navigation that a path belongs to."""
    fitting = [start for start, _ in SECTIONS if path == start or path.startswith(f"{start}/")]
    return fitting[-1] if fitting else ""
