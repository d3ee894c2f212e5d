"""The error tree. A caller decides by family, never by message.

::

    TieoutError
    ├── Refused            the outside is wrong: answer it, never retry
    │   ├── NotAuthentic       the signature or secret does not hold
    │   │   └── SignatureMissing   there is none
    │   └── Malformed          authentic bytes that do not follow the dialect
    ├── Unavailable        the world is down: the same work later, bounded
    ├── Contradiction      two trusted sources disagree: park it, call a human
    ├── ApiError           a provider's own API did not do what was asked of it
    │   ├── ApiUnavailable     (also Unavailable) down, slow or asking us to wait: later
    │   ├── ApiRefused         it understood and said no
    │   └── ApiUnreadable      it said something its document does not have
    └── SettingsInvalid    the operator's settings do not hold: every problem at once

Messages name what was expected, what was seen (ids and kinds only) and where.
They never carry a payload, a secret or personal data: tracebacks travel to the broker.
"""


class TieoutError(Exception):
    """The root: every deliberate error of this application."""


class Refused(TieoutError):
    """The outside is wrong; answer it, never retry."""


class NotAuthentic(Refused):
    """The sender could not be proven from the bytes received."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignatureMissing(NotAuthentic):
    """There is no signature at all; some providers want to hear that apart."""


class Malformed(Refused):
    """Authentic bytes that do not follow the dialect.

    Attributes:
        path: where in the document (``"balance"``), never the value found there.
        reason: what was expected there.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Unavailable(TieoutError):
    """Something we need is down; the same work may succeed later."""


class Contradiction(TieoutError):
    """Two trusted sources disagree; a person has to look."""


class SettingsInvalid(TieoutError):
    """The settings do not hold.

    Attributes:
        problems: every problem found, each naming file, key and what is expected.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ApiError(TieoutError):
    """A provider's own API did not do what was asked of it.

    Attributes:
        provider: the slug.
        endpoint: method and path as documented, without ids.
        attempts: how many requests were sent; 0 where none was worth sending.
        status: the HTTP status of the last reply, or None where there was none.
        code: the reply's error code, where it is one that the provider documents.
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
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(f"{provider}: {endpoint}: {reason} ({times})")
        self.provider = provider
        self.endpoint = endpoint
        self.attempts = attempts
        self.status = status
        self.code = code


class ApiUnavailable(ApiError, Unavailable):
    """No usable reply in time, a server's failure, or a request to come back later."""


class ApiRefused(ApiError):
    """The API understood the request and refused it; repeating it will not help."""


class ApiUnreadable(ApiError):
    """The reply is not what the provider's document describes."""
