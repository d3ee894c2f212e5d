"""A callback as nearly every provider sends it: one ordinary HTTP/1.1 POST. Pure.

Reading it as HTTP in general costs more than everything else that is done with it, so this
shape is recognised by itself. It is a strict part of HTTP that leaves nothing to interpret:
whatever is otherwise in any way is no error here but None, and the HTTP server reads it.
"""

import re
from typing import NamedTuple

#: Longest head read here, in bytes; the HTTP server decides on longer ones.
HEAD_BYTES_MAX = 8_000
#: Most header lines read here.
HEADERS_MAX = 60

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)\r\n", re.ASCII)
#: What a header line has besides its name and its value.
_BETWEEN = len(": \r\n")
_LENGTH = re.compile(r"[0-9]{1,8}", re.ASCII)
# What a connection does next, or how a body is to be read, is told by these.
_NOT_PLAIN = frozenset(
    {"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


class PlainRequest(NamedTuple):
    """One request.

    Attributes:
        line: the request line, e.g. ``"POST /callbacks/sport/transaction HTTP/1.1"``.
        headers: names in lower case; visible ASCII values; no name twice.
        body: as much of it as is there.
        missing: how many bytes of the body are not there yet.
    """

    line: str
    headers: dict[str, str]
    body: bytes
    missing: int


def read_plain(data: bytes) -> PlainRequest | None:
    """The one request these bytes are or begin, with its whole head; None when in any doubt."""
    end = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 2
    if end < 2 or not data[:end].isascii():
        return None
    line, _, rest = data[:end].decode("ascii").partition("\r\n")
    found = _HEADER.findall(rest)
    # Lines that are not of this shape were passed over: then some of the text is missing.
    if sum([len(name) + len(value) + _BETWEEN for name, value in found]) != len(rest):
        return None
    headers = {name.lower(): value for name, value in found}
    if len(headers) != len(found) or len(found) > HEADERS_MAX or not _is_plain(headers):
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
    said = headers.keys() & _NOT_PLAIN
    return said == {"connection"} and headers["connection"].lower() == "keep-alive"
