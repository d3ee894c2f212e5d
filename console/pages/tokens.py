"""Tokens of the API: made for oneself, shown once, revoked by their person or an admin."""

from datetime import timedelta

from console.accounts.api_tokens import (
    NAME_CHARS_MAX,
    OFFERED,
    NewToken,
    make_token,
    revoke_api_token,
    secret_of_form,
    tokens_of,
)
from console.acting import writers_for
from console.config import Visit
from console.pages.jobs.requesting import KEY_FIELD, new_request_key
from console.pages.parameters import required
from console.replies import HtmlPage, SeeOther
from vocabulary.errors import Malformed
from vocabulary.people import Right

#: Days that the form suggests.
_DAYS = 90


def show(visit: Visit) -> HtmlPage:
    """Own tokens; administrators see everybody's."""
    return _page(visit, None)


def make(visit: Visit) -> HtmlPage:
    """Make a token and show it, this once."""
    person = visit.signed_in.person
    chosen = {right for name, right in OFFERED.items() if visit.form.get(f"scope_{name}")}
    with writers_for(visit.console, person).begin() as connection:
        new_token = make_token(
            connection,
            person,
            name=required(visit.form, "name", "what the token is for"),
            scopes=chosen,
            lifetime=_lifetime(visit),
            now=visit.now,
            secret=_secret(visit),
        )
    return _page(visit, new_token)


def revoke(visit: Visit) -> SeeOther:
    """End a token at once."""
    person = visit.signed_in.person
    with writers_for(visit.console, person).begin() as connection:
        revoke_api_token(connection, visit.path["id"], person, now=visit.now)
    return SeeOther(path="/tokens?done=revoked")


def days_max(visit: Visit) -> int:
    """The longest life of a token, in days."""
    return max(1, visit.config.api.token_lifetime_max // timedelta(days=1))


def _secret(visit: Visit) -> str | None:
    """What the form makes; None: it has no key, so nothing tells a second click."""
    if not visit.form.get(KEY_FIELD):
        return None
    return secret_of_form(visit.signed_in.token, visit.form)


def _lifetime(visit: Visit) -> timedelta:
    text, most = visit.form.get("days", "").strip(), days_max(visit)
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= most):
        raise Malformed("days", f"a number of days from 1 to {most} is expected")
    return min(timedelta(days=int(text)), visit.config.api.token_lifetime_max)


def _page(visit: Visit, new_token: NewToken | None) -> HtmlPage:
    person = visit.signed_in.person
    sees_all = person.may(Right.MANAGE_PEOPLE)
    with visit.console.writers.connect() as connection:  # the reader does not see tokens
        listed = tokens_of(connection, None if sees_all else person.name)
    values = {
        "made": new_token,
        "valid": [token for token in listed if token.is_valid(visit.now)],
        "ended": [token for token in listed if not token.is_valid(visit.now)],
        "sees_all": sees_all,
        "scopes": [(name, right) for name, right in OFFERED.items() if person.may(right)],
        "request_key": new_request_key(),
        "days_max": days_max(visit),
        "days": min(_DAYS, days_max(visit)),
        "name_chars_max": NAME_CHARS_MAX,
    }
    return HtmlPage(template="tokens.html", values=values)
