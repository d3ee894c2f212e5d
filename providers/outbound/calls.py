"""One request to a provider's own API and the transport that carries it; no HTTP library.

Clients build an ``ApiCall`` and hand it to a ``Transport`` together with a function that reads
the reply. Only ``providers.outbound.http_transport`` knows how bytes travel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from providers.wire.decode import Json

OK = frozenset({200})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """What an error reply means.

    Attributes:
        code: the error code, where the provider documents it.
        advice: what to do about it, in our words.
    """

    code: str | None
    advice: str | None = None


def _no_error(_document: Json) -> ErrorReply:
    return ErrorReply(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One request.

    Attributes:
        endpoint: method and path as documented, e.g. ``"GET /v1/webhook/{webhookId}"``.
        path: the actual path; None where it is the documented one.
        query: sent in this order.
        body: sent byte for byte.
        good: the statuses whose body is a result.
        repeatable: whether sending it twice does no more than sending it once.
        read_error: reads an error reply; may raise Malformed.
    """

    endpoint: str
    path: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    good: frozenset[int] = OK
    repeatable: bool = False
    read_error: Callable[[Json], ErrorReply] = field(default=_no_error, repr=False)


class Transport(Protocol):
    """Sends the calls of one provider."""

    def due(self) -> float:
        """The event loop's time at which a call that begins now must have ended."""
        ...

    async def send(
        self, call: ApiCall, read: Callable[[Json], T], *, due: float | None = None
    ) -> T:
        """Send a call and read its reply.

        Args:
            call: the request.
            read: makes the result from the reply; may raise Malformed.
            due: when it must have ended, if it is one of several requests of one operation.

        Raises:
            ApiUnavailable: no usable reply in time.
            ApiRefused: the API refused the request.
            ApiUnreadable: the reply is not as documented.
        """
        ...
