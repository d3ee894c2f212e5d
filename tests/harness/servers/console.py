"""A console that listens on a port of its own, in a thread, and browsers without a screen."""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from aiohttp import web

from console.accounts.passwords import set_password
from console.app import ConsoleServer
from console.config import Console
from console.gate import Route
from console.routes import ROUTES
from storage.people import get_person
from tests.harness.servers.ports import free_port

PASSWORD = "three wooden doors"
#: Between the parts of a form with files.
BOUNDARY = "----form"
#: Longest wait for a page, in seconds.
TIMEOUT_S = 60


def multipart(fields: Mapping[str, str], *files: tuple[str, str, bytes]) -> bytes:
    """A form as browsers send it: its fields, then its files."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    lines = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    for field_name, name, content in files:
        start = f'{head}"{field_name}"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
        lines += [start.encode(), content, b"\r\n"]
    return b"".join(lines) + f"--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the console answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    cookies: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    def field(self, name: str) -> str:
        """The value of a hidden field of the page's first form that has it."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found is not None, f"no field {name} in\n{self.text}"
        return unescape(found[1])

    def shown(self) -> str:
        """The text of the page without its tags."""
        main = self.text.partition('id="main"')[2]
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", main)))


@dataclass
class PageClient:
    """One browser: keeps cookies and follows no redirect."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, headers=headers)

    def post(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a form as it is given."""
        body = urlencode(fields)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, body=body, headers={**kind, **(headers or {})})

    def submit(self, page: str, action: str, **fields: str) -> Reply:
        """Open a page and send one of its forms, with its token and its version."""
        opened = self.get(page)
        hidden = {
            name: opened.field(name)
            for name in ("form_token", "version", "seen", "request_key")
            if f'name="{name}"' in opened.text
        }
        return self.post(action, {**hidden, **fields})

    def submit_fields(
        self, page: str, action: str, hidden: Sequence[str], fields: Mapping[str, str]
    ) -> Reply:
        """Open a page and send one of its forms, with these of its hidden fields."""
        opened = self.get(page)
        return self.post(action, {**{name: opened.field(name) for name in hidden}, **fields})

    def send_files(
        self, path: str, fields: Mapping[str, str], *files: tuple[str, str, bytes]
    ) -> Reply:
        """Send a form with files, each with the name of its field and its own."""
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.send("POST", path, body=multipart(fields, *files), headers=kind)

    def upload(self, page: str, action: str, file: tuple[str, bytes], **fields: str) -> Reply:
        """Open a page and send one of its forms with a file, as browsers do."""
        token = self.get(page).field("form_token")
        return self.send_files(action, {"form_token": token, **fields}, ("file", *file))

    def sign_in(self, name: str, password: str = PASSWORD, target: str = "/") -> Reply:
        token = self.get("/login").field("form_token")
        fields = {"form_token": token, "name": name, "password": password, "next": target}
        return self.post("/login", fields)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: str | bytes = "",
        headers: Mapping[str, str],
    ) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, {**headers, "Cookie": kept})
            response = connection.getresponse()
            cookies = tuple(response.headers.get_all("Set-Cookie", []))
            content = b"" if _is_endless(response) else response.read()
            reply = Reply(response.status, dict(response.headers), content, cookies)
        finally:
            connection.close()
        for name, morsel in SimpleCookie("\n".join(cookies)).items():
            self.cookies[name] = morsel.value
        return reply


def _is_endless(response: HTTPResponse) -> bool:
    """Whether events come until the browser leaves."""
    return response.headers.get_content_type() == "text/event-stream"


@dataclass(frozen=True, slots=True)
class ConsoleSite:
    """A running console."""

    console: Console
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def browser(self) -> PageClient:
        """A browser that nobody signed in with."""
        return PageClient(self.port)

    def browser_of(self, name: str) -> PageClient:
        """A browser with a session of a person, who gets a password."""
        self.give_password(name)
        client = self.browser()
        assert client.sign_in(name).status == 303
        return client

    def give_password(self, name: str) -> None:
        with self.console.writers.begin() as connection:
            person = get_person(connection, name)
            now = self.console.clock.now()
            set_password(connection, person, PASSWORD, by=name, now=now)


@contextmanager
def serving(console: Console, routes: Sequence[Route] = ROUTES) -> Iterator[ConsoleSite]:
    """Serve a console until the block ends."""
    port, loop = free_port(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(ConsoleServer(console, routes).application(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(TIMEOUT_S)
    try:
        yield ConsoleSite(console, port)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT_S)
        loop.close()
        console.readers.dispose()
        console.writers.dispose()
