"""Every page has its counterpart in the API, or stands here with the reason why not."""

import re

from console.accounts.api_tokens import OFFERED
from console.api.endpoints import ENDPOINTS
from console.routes import ROUTES
from vocabulary.people import Right

#: Pages that other endpoints answer for.
ELSEWHERE = {
    "GET /": "GET /today",
    "GET /breaks.csv": "GET /breaks",
    "GET /breaks.xlsx": "GET /breaks",
    "GET /totals.csv": "GET /totals",
    "GET /totals.xlsx": "GET /totals",
    "GET /trends/{}.csv": "GET /trends",
    "GET /audit.csv": "GET /audit",
    "GET /operations/{}/{}": "GET /operations/{}",
    "GET /requests/{}/{}": "GET /requests/{}",
    "POST /days/what-if": "POST /jobs/rules.what-if",
    "POST /days/sign-off/prepare": "POST /days/{}/{}/prepare",
    "POST /days/sign-off/sign": "POST /days/{}/{}/sign",
    "POST /days/sweep": "POST /jobs/day.sweep",
    "POST /days/{}/{}/run": "POST /jobs/day.run",
    "POST /days/{}/{}/close": "POST /jobs/day.close",
    "POST /feeds/{}/upload": "POST /jobs/feed.preview",
    "POST /feeds/{}/pull": "POST /jobs/feed.pull",
    "POST /disputes/new": "POST /disputes",
    "POST /disputes/answers": "POST /jobs/dispute.import",
    "POST /disputes/{}/export": "POST /jobs/dispute.export",
    "POST /invoices": "POST /jobs/invoice.receive",
    "POST /invoices/{}/check": "POST /jobs/invoice.check",
    "POST /invoices/{}/approve": "POST /jobs/invoice.approve",
    "POST /reports/statements": "POST /jobs/statement.write",
    "POST /reports/journals": "POST /jobs/journal.export",
    "POST /ops/parked/{}": "POST /ops/parked/requeue",
}
#: Pages that the API has no endpoint for, and why.
WITHOUT = {
    "GET /login": "a token signs in",
    "POST /login": "a token signs in",
    "GET /reset/{}": "a person sets a password in a browser",
    "POST /reset/{}": "a person sets a password in a browser",
    "GET /sso": "a token signs in",
    "GET /sso/callback": "a token signs in",
    "POST /logout": "a token is revoked instead",
    "POST /tokens": "no token makes another one",
    "GET /api": "the page about the API",
    "GET /api/operations/{}": "a page about the API",
    "GET /api/objects/{}": "a page about the API",
    "GET /days/what-if": "a form",
    "GET /days/sign-off": "a form for the days of all providers",
    "GET /breaks/bulk": "a form; the action has the expected count",
    "GET /breaks/{}/correct": "a form; the break has its trial",
    "GET /disputes/new": "a form; opening has the expected count",
    "GET /ops/parked/{}": "a form; the action has the expected count",
    "GET /settings/notifications/new": "a form",
    "GET /settings/notifications/{}/change": "a form; the rule has its terms",
    "GET /settings/notifications/draft": "a form that writes settings text",
    "GET /jobs/{}/events": "a stream; a job is read again",
    "GET /ops/events": "a stream; the pipeline is read again",
    "POST /recalls": "a page that names what is away; `tieout archive recall` does the same",
}


def address(method: str, path: str) -> str:
    """A method and a path without the names of its parts."""
    return f"{method} {re.sub(r'{[^}]*}', '{}', path)}"


def test_every_page_has_its_counterpart_or_a_reason() -> None:
    pages = {address(route.method, route.path) for route in ROUTES}
    endpoints = {address(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}

    assert pages - endpoints - set(ELSEWHERE) - set(WITHOUT) == set()
    assert set(ELSEWHERE.values()) <= endpoints
    # A table that names what is gone, or what has its counterpart by now, is out of date.
    assert (set(ELSEWHERE) | set(WITHOUT)) - pages == set()
    assert (set(ELSEWHERE) | set(WITHOUT)) & endpoints == set()


def test_a_token_is_offered_each_scope_that_the_api_asks_for_and_no_other() -> None:
    asked_for = {endpoint.right for endpoint in ENDPOINTS}

    assert set(OFFERED.values()) == asked_for | {Right.MANAGE_PEOPLE}
