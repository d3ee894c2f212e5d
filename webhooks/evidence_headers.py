"""Selects and bounds the headers stored with a callback as evidence. Pure."""

from collections.abc import Iterable, Mapping, Sequence

#: Headers stored as evidence besides those of the signature; all others (cookies, credentials)
#: must not be stored.
EVIDENCE_HEADERS = ("content-type", "user-agent", "x-forwarded-for", "x-request-id")
#: Longest stored value of those, in characters.
EVIDENCE_CHARS_MAX = 512
#: Longest stored value of a header that is signed with: RSA of 8,192 bits in base64 has 1,368.
SIGNATURE_CHARS_MAX = 1_400


#: Headers to store, in order, and how many characters of each.
HeaderLimits = Sequence[tuple[str, int]]


def header_limits(signature_headers: Iterable[str]) -> HeaderLimits:
    """The headers that are stored of a dialect's requests.

    Args:
        signature_headers: the headers that the dialect reads, without which stored bytes could
            not be verified again; names in lower case.
    """
    limits = dict.fromkeys(EVIDENCE_HEADERS, EVIDENCE_CHARS_MAX)
    limits |= dict.fromkeys(signature_headers, SIGNATURE_CHARS_MAX)
    return sorted(limits.items())


def evidence_text(headers: Mapping[str, str], signature_headers: Iterable[str]) -> str:
    """The allow-listed headers of one request as ASCII lines, each value bounded."""
    return text_within(headers, header_limits(signature_headers))


def text_within(headers: Mapping[str, str], limits: HeaderLimits) -> str:
    """As ``evidence_text``, with the limits of a dialect."""
    return "\n".join(
        [
            f"{name}: {_printable(headers[name], limit)}"
            for name, limit in limits
            if name in headers
        ]
    )


def _printable(value: str, limit: int) -> str:
    bounded = value[:limit]
    if bounded.isascii() and bounded.isprintable():
        return bounded
    escaped = bounded.encode("ascii", "backslashreplace").decode()[:limit]
    return "".join(c if c.isprintable() else "?" for c in escaped)
