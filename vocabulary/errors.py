"""The error tree. Callers decide by class, never by message.

::

    TieoutError
    ├── Refused            the sender is wrong: answer, never retry
    │   ├── NotAuthentic       the signature or secret is invalid
    │   │   └── SignatureMissing   there is no signature
    │   ├── Malformed          authentic bytes that do not follow the dialect
    │   └── NotAllowed         our rules do not allow what a person asks for
    │       └── Overtaken          somebody else was faster: look again
    ├── Unavailable        a service is down: retry later, bounded
    ├── Contradiction      two trusted sources disagree: park it for a person
    ├── ApiError           a request to a provider's own API failed
    │   ├── ApiUnavailable     (also Unavailable) down, slow or rate-limited: retry later
    │   ├── ApiRefused         the API understood the request and refused it
    │   └── ApiUnreadable      the reply does not follow the API's document
    └── SettingsInvalid    the operator's settings are invalid: lists every problem

Messages name what was expected, what was received (ids and kinds only) and where.
They never carry a payload, a secret or personal data: tracebacks reach the broker.
"""

import copyreg
from typing import Any

from vocabulary.plurals import counted


class TieoutError(Exception):
    """Root of every error that this application raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without a call of ``__init__``, whose parameters are not ``args``."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class Refused(TieoutError):
    """The sender is wrong; answer, never retry."""


class NotAuthentic(Refused):
    """The received bytes do not prove who sent them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignatureMissing(NotAuthentic):
    """There is no signature; some providers have an answer of its own for this."""


class Malformed(Refused):
    """Authentic bytes that do not follow the dialect.

    Attributes:
        path: where in the document (``"balance"``), never the value there.
        reason: what was expected at that place.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class NotAllowed(Refused):
    """Our rules do not allow what a person asks for; nothing was changed."""


class Overtaken(NotAllowed):
    """Somebody else did it first, or changed it meanwhile; nothing was changed."""


class Unavailable(TieoutError):
    """A service we need is down; the same work may succeed later."""


class Contradiction(TieoutError):
    """Two trusted sources disagree; a person has to decide."""


class SettingsInvalid(TieoutError):
    """The settings are invalid.

    Attributes:
        problems: all problems, each with file, key and what is expected.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ApiError(TieoutError):
    """A request to a provider's own API failed.

    Attributes:
        provider: the slug.
        endpoint: method and path as documented, without ids.
        attempts: how many requests were sent; 0 if none could succeed.
        status: the HTTP status of the last reply, or None without one.
        code: the reply's error code if the provider documents it, else None.
    """

    def __init__(
        self,
        reason: str,
        *,
        provider: str,
        endpoint: str,
        attempts: int,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(f"{provider}: {endpoint}: {reason} ({counted(attempts, 'attempt')})")
        self.provider = provider
        self.endpoint = endpoint
        self.attempts = attempts
        self.status = status
        self.code = code


class ApiUnavailable(ApiError, Unavailable):
    """No usable reply in time, a server error, or a rate limit."""


class ApiRefused(ApiError):
    """The API understood the request and refused it; repeating it will not help."""


class ApiUnreadable(ApiError):
    """The reply is not what the provider's document describes."""
