"""What a page function returns, and the refusals that become error pages."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from vocabulary.errors import Refused

_EVENT_NAME = re.compile(r"[a-z]+")
_EVENT_ID = re.compile(r"[A-Za-z0-9._:-]{0,64}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One event of a stream, as ``console.js`` reads it.

    Attributes:
        name: ``values`` puts texts in place, ``new`` counts rows that a click shows, ``away``
            says why there is nothing new, ``end`` says why nothing more will come.
        data: an object that JSON can carry; texts are shown as text, never as HTML.
        id: how a browser asks for what came after this event; empty: it cannot.
    """

    name: str
    data: Mapping[str, Any]
    id: str = ""

    def __post_init__(self) -> None:
        if not _EVENT_NAME.fullmatch(self.name) or not _EVENT_ID.fullmatch(self.id):
            raise ValueError(f"no event: {self.name!r}, id {self.id!r}")

    @classmethod
    def values(cls, texts: Mapping[str, str | Mapping[str, str]]) -> "StreamEvent":
        """Texts, or texts with states, for the elements with these ``data-live`` names."""
        return cls(name="values", data=texts)

    @classmethod
    def end(cls, why: str) -> "StreamEvent":
        """The last event: the browser does not connect again."""
        return cls(name="end", data={"why": why})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStream:
    """Events for a page that stays open, until the source or the session ends.

    Attributes:
        read: called again and again in a thread of the streams with the id of the last event
            that the browser has, which may be any text that looks like an id; returns what
            came since, at once; an event ``end`` ends the stream.
        every_s: seconds between two calls.
    """

    read: Callable[[str], Sequence[StreamEvent]]
    every_s: float = 2.0


Reply = HtmlPage | SeeOther | FileDownload | EventStream


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


def away(kind: str, why: str, values: Mapping[str, Any] | None = None) -> RequestRefused:
    """The rows of this name are in an archive only; says which, and how they come back.

    Args:
        kind: what the page is of.
        why: as a sentence.
        values: of the button that asks for them; None: nobody can ask from here.
    """
    return RequestRefused(
        status=HTTPStatus.CONFLICT,
        title=f"The {kind} is in an archive",
        why=why[0].upper() + why[1:],
        template="error.html" if values is None else "records/away.html",
        values=values or {},
    )


def forbidden(why: str) -> RequestRefused:
    """The person, or the form, may not do this."""
    return RequestRefused(status=HTTPStatus.FORBIDDEN, title="Not allowed", why=why)
