"""What surrounds every page: navigation, the person, the search box, the form token."""

from console.accounts.sessions import BrowserSession, form_token_of
from console.config import Console
from console.gate import Incoming
from console.rendering import render
from console.replies import HtmlPage
from vocabulary.people import Right

#: The navigation: path, name.
SECTIONS = (
    ("/", "Today"),
    ("/days", "Days"),
    ("/breaks", "Breaks"),
    ("/disputes", "Disputes"),
    ("/totals", "Totals"),
    ("/feeds", "Feeds"),
    ("/ops", "Ops"),
)
#: The menu of the person who is signed in: path, name, and the right that the page needs.
PERSONAL = (
    ("/jobs", "Jobs", Right.READ),
    ("/invoices", "Invoices", Right.READ),
    ("/reports", "Reports", Right.READ),
    ("/settings/notifications", "Notifications", Right.READ),
    ("/people", "People", Right.READ),
    ("/audit", "Audit", Right.READ),
    ("/settings", "Settings", Right.SEE_SETTINGS),
    ("/tokens", "API tokens", Right.READ),
    ("/api", "API", Right.READ),
)
#: Pages that belong to a section although their address does not begin with it.
SECTION_OF = {
    "/runs": "/days",
    "/trends": "/totals",
    "/invoices": "/totals",
    "/reports": "/totals",
    "/files": "/feeds",
    "/findings": "/feeds",
    "/batches": "/ops",
    "/seals": "/ops",
    "/settings/notifications": "/ops",
}
#: The fragments of notices that a redirect may ask for, with their text.
NOTICES = {
    "saved": "Done. The history below has it.",
    "recalled": "Asked for. It comes back within seconds if the archive is in reach.",
    "proposed": "Proposed. Another person decides.",
    "approved": "Approved. It is booked within seconds.",
    "paused": "Paused. Workers leave the queue alone within a second.",
    "resumed": "Resumed. Workers take messages again within a second.",
    "requeued": "Requeued. The scheduler hands it out within seconds.",
    "discarded": "Discarded. The audit trail keeps all of it.",
    "tried": "The message is stored. The scheduler sends it within half a minute; reload.",
    "rule-added": "The rule is added and in force. Try it.",
    "rule-changed": "The rule is changed, from the next message on.",
    "rule-disabled": "The rule is disabled. Its messages wait until it is enabled.",
    "rule-enabled": "The rule is in force again.",
    "asked": "Requested. A worker asks the provider; reload in a while.",
    "view-saved": "The list is saved; its name is above the filters.",
    "view-removed": "The list is removed.",
    "password": "The password is set. Sign in with it.",
    "disputed": "The dispute is open. Write its pack next.",
    "cancelled": "Cancelled. Nothing was done.",
    "dropped": "Dropped. Nothing of it was imported.",
    "signed-out": "You are signed out.",
    "revoked": "The token is revoked; the next request with it is refused.",
}


def html_of(
    page: HtmlPage, console: Console, incoming: Incoming, session: BrowserSession | None
) -> str:
    """The page as HTML, with everything around it."""
    secret = incoming.browser_token if session is None else session.token
    path = incoming.url.partition("?")[0]
    person = None if session is None else session.person
    surroundings = {
        "person": person,
        "personal": [
            (start, name)
            for start, name, right in PERSONAL
            if person is not None and person.may(right)
        ],
        "current_path": path,
        "form_token": form_token_of(secret),
        "sections": SECTIONS,
        "section": section_of(path),
        "notice": NOTICES.get(incoming.query.get("done", ""), ""),
        "query_text": incoming.query.get("q", "") if path == "/find" else "",
        "now": console.clock.now(),
        "exponents_of": console.config.exponents,
        "zone_note": "",
    }
    return render(page.template, {**surroundings, **page.values})


def section_of(path: str) -> str:
    """The section of the navigation that a path belongs to."""
    sections = {**{start: start for start, _ in SECTIONS}, **SECTION_OF}
    fitting = [start for start in sections if path == start or path.startswith(f"{start}/")]
    return sections[fitting[-1]] if fitting else ""
