"""Selects and bounds the headers stored with a callback as evidence. Pure."""

from collections.abc import Iterable, Mapping

#: Headers stored as evidence besides those of the signature; all others (cookies, credentials)
#: must not be stored.
EVIDENCE_HEADERS = ("content-type", "user-agent", "x-forwarded-for", "x-request-id")
#: Longest stored header value, in characters.
EVIDENCE_CHARS_MAX = 512


def evidence_text(headers: Mapping[str, str], signature_headers: Iterable[str]) -> str:
    """The allow-listed headers as ASCII lines, each value bounded.

    Args:
        headers: of the request.
        signature_headers: the headers that its dialect reads, without which stored bytes could
            not be verified again; names in lower case.
    """
    lines = []
    for name in sorted({*EVIDENCE_HEADERS, *signature_headers}):
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
