"""Selects and bounds the headers stored with a callback as evidence. Pure."""

from collections.abc import Mapping

#: Headers stored as evidence; all others (cookies, credentials) must not be stored.
EVIDENCE_HEADERS = (
    "content-type",
    "user-agent",
    "x-forwarded-for",
    "x-request-id",
    "x-security-hash",
    "x-securty-hash",
    "x-signature",
    "x-signed-request",
)
#: Longest stored header value, in characters.
EVIDENCE_CHARS_MAX = 512


def evidence_text(headers: Mapping[str, str]) -> str:
    """The allow-listed headers as ASCII lines, each value bounded."""
    lines = []
    for name in EVIDENCE_HEADERS:
        value = headers.get(name)
        if value is not None:
            lines.append(f"{name}: {_printable(value)}")
    return "\n".join(lines)


def _printable(value: str) -> str:
    bounded = value[:EVIDENCE_CHARS_MAX]
    if bounded.isascii() and bounded.isprintable():
        return bounded
    escaped = bounded.encode("ascii", "backslashreplace").decode()[:EVIDENCE_CHARS_MAX]
    return "".join(c if c.isprintable() else "?" for c in escaped)
