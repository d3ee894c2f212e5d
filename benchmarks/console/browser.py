"""A browser as far as a benchmark needs one: a connection, cookies and forms."""

from collections.abc import Mapping
from http.client import HTTPConnection
from urllib.parse import urlencode

#: The password of everybody in the books.
PASSWORD = "three wooden doors"
#: Longest wait for one answer, in seconds.
_ANSWER_S = 600.0


class Browser:
    """One kept connection with the cookies of a session."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, str]:
        """The status of a page and its text."""
        return self._send("GET", path)

    def sign_in(self, name: str) -> None:
        """Sign in by the form."""
        fields = {"name": name, "password": PASSWORD, "next": "/"}
        self._post("/login", "/login", fields)

    def submit(self, page: str, action: str, fields: Mapping[str, str]) -> None:
        """Send the form of an action that stands on a page."""
        self._post(page, f"{page}/{action}", fields)

    def _post(self, page: str, path: str, fields: Mapping[str, str]) -> None:
        form_token = (
            self.get(page)[1].partition('name="form_token" value="')[2].partition('"')[0]
        )
        status, content = self._send(
            "POST", path, urlencode({"form_token": form_token, **fields})
        )
        if status != 303:
            raise SystemExit(f"{path} was answered {status}: {content[:2000]}")

    def _send(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read().decode(errors="replace")
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return response.status, content
