"""Selects and bounds the headers stored with a callback as evidence. Pure."""

from collections.abc import Iterable, Mapping

#: Headers stored as evidence besides those of the signature; all others (cookies, credentials)
#: must not be stored.
EVIDENCE_HEADERS = ("content-type", "user-agent", "x-forwarded-for", "x-request-id")
#: Longest stored value of those, in characters.
EVIDENCE_CHARS_MAX = 512
#: Longest stored value of a header that is signed with: RSA of 8,192 bits in base64 has 1,368.
SIGNATURE_CHARS_MAX = 1_400


def evidence_text(headers: Mapping[str, str], signature_headers: Iterable[str]) -> str:
    """The allow-listed headers as ASCII lines, each value bounded.

    Args:
        headers: of the request.
        signature_headers: the headers that its dialect reads, without which stored bytes could
            not be verified again; names in lower case.
    """
    lines = []
    limits = dict.fromkeys(EVIDENCE_HEADERS, EVIDENCE_CHARS_MAX)
    limits |= dict.fromkeys(signature_headers, SIGNATURE_CHARS_MAX)
    for name, limit in sorted(limits.items()):
        value = headers.get(name)
        if value is not None:
            lines.append(f"{name}: {_printable(value, limit)}")
    return "\n".join(lines)


def _printable(value: str, limit: int) -> str:
    bounded = value[:limit]
    if bounded.isascii() and bounded.isprintable():
        return bounded
    escaped = bounded.encode("ascii", "backslashreplace").decode()[:limit]
    return "".join(c if c.isprintable() else "?" for c in escaped)
