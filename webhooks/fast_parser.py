"""Parse an HTTP/1.1 POST in the plain form that nearly every provider sends. Pure.

A general HTTP parser costs more than the rest of the accept path, so this strict subset of HTTP
has its own parser. It never interprets doubtful input: anything outside the subset yields None
and goes to the HTTP server.
"""

import re
from typing import NamedTuple

#: Longest head parsed here, in bytes; longer ones go to the HTTP server.
HEAD_BYTES_MAX = 8_000
#: Most header lines parsed here.
HEADERS_MAX = 60

# Only at the beginning of a line: tried at every character of a line that does not match, it
# would take time that grows with the square of the line's length.
_HEADER = re.compile(
    r"^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)\r\n", re.ASCII | re.MULTILINE
)
#: Characters of a header line besides its name and value.
_SEPARATORS = len(": \r\n")
_LENGTH = re.compile(r"[0-9]{1,8}", re.ASCII)
# Headers that change how the body is read or what the connection does next, or that the HTTP
# server refuses (an old handshake of WebSocket).
_NOT_PLAIN = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-connection",
        "sec-websocket-key1",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class PlainRequest(NamedTuple):
    """One request whose head is complete.

    Attributes:
        line: the request line, e.g. ``"POST /callbacks/sport/transaction HTTP/1.1"``.
        headers: names in lower case; printable ASCII values; no name twice.
        body: the bytes received so far.
        missing: how many bytes of the body are still to come.
    """

    line: str
    headers: dict[str, str]
    body: bytes
    missing: int


def parse_plain(data: bytes) -> PlainRequest | None:
    """Parse the single request that these bytes hold or begin; None if not surely plain."""
    end = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 2
    if end < 2 or not data[:end].isascii():
        return None
    line, _, rest = data[:end].decode("ascii").partition("\r\n")
    fields = _HEADER.findall(rest)
    # The pattern skips lines it does not match; then the lengths do not add up.
    if sum([len(name) + len(value) + _SEPARATORS for name, value in fields]) != len(rest):
        return None
    headers = {name.lower(): value for name, value in fields}
    if len(headers) != len(fields) or len(fields) > HEADERS_MAX or not _is_plain(headers):
        return None
    body = data[end + 2 :]
    missing = int(headers["content-length"]) - len(body)
    return None if missing < 0 else PlainRequest(line, headers, body, missing)


def _is_plain(headers: dict[str, str]) -> bool:
    length = headers.get("content-length", "")
    if "host" not in headers or _LENGTH.fullmatch(length) is None:
        return False
    if _NOT_PLAIN.isdisjoint(headers):
        return True
    present = headers.keys() & _NOT_PLAIN
    return present == {"connection"} and headers["connection"].lower() == "keep-alive"
