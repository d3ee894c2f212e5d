"""Which headers are kept with a callback, and in what shape. Pure."""

from collections.abc import Mapping

#: Headers kept as evidence; everything else (cookies, credentials) is not ours to keep.
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
#: Longest evidence header value kept, in characters.
EVIDENCE_CHARS_MAX = 512


def evidence(headers: Mapping[str, str]) -> str:
    """The allow-listed headers as plain ASCII lines, each bounded."""
    lines = []
    for name in EVIDENCE_HEADERS:
        value = headers.get(name)
        if value is not None:
            lines.append(f"{name}: {_plain(value)}")
    return "\n".join(lines)


def _plain(value: str) -> str:
    kept = value[:EVIDENCE_CHARS_MAX]
    if kept.isascii() and kept.isprintable():
        return kept
    escaped = kept.encode("ascii", "backslashreplace").decode()[:EVIDENCE_CHARS_MAX]
    return "".join(c if c.isprintable() else "?" for c in escaped)
