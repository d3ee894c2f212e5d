"""Plain GET requests to processes of ours."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

#: Longest wait for one receiver, in seconds.
TIMEOUT_S = 2.0


def get(url: str, path: str) -> tuple[int, str]:
    """The status and the text of an answer.

    Raises:
        OSError: nobody answers there.
        HTTPException: what answers does not speak HTTP.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()
