"""What a page function returns, and the refusals that become error pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from vocabulary.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlPage:
    """A template with its values."""

    template: str
    values: Mapping[str, Any]
    status: int = HTTPStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeOther:
    """Another page to open next.

    Attributes:
        path: begins with a slash; only single sign-on leads to the identity provider.
        session_token: the cookie of a new session; empty: it ends; None: it stays.
    """

    path: str
    session_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDownload:
    """A file that the browser stores."""

    name: str
    content_type: str
    content: bytes


Reply = HtmlPage | SeeOther | FileDownload


@dataclass(eq=False, kw_only=True)
class RequestRefused(Refused):
    """A request that gets an error page.

    Attributes:
        title: what is wrong, in a few words.
        why: what is wrong and what to do, in sentences.
        template: a page of its own for this refusal, with ``values``.
    """

    status: HTTPStatus
    title: str
    why: str
    template: str = "error.html"
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.why)


def not_found(kind: str, name: str) -> RequestRefused:
    """Nothing has this name; says what was searched."""
    return RequestRefused(
        status=HTTPStatus.NOT_FOUND,
        title=f"No such {kind}",
        why=f"Searched for the {kind} “{name}” and found none. Look at the id, or search for it"
        " above.",
    )


def forbidden(why: str) -> RequestRefused:
    """The person, or the form, may not do this."""
    return RequestRefused(status=HTTPStatus.FORBIDDEN, title="Not allowed", why=why)
