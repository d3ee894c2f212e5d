"""The console's process: an aiohttp server whose pages run in threads."""

import asyncio
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import structlog
from aiohttp import web

from console.api.server import ApiServer
from console.config import Console
from console.gate import GateOutcome, Incoming, Route, failed, login_path, pass_gate
from console.headers import set_headers
from console.layout import html_of
from console.monitoring import Monitoring
from console.receiving import FormReader
from console.rendering import STATIC
from console.replies import (
    EventStream,
    FileDownload,
    HtmlPage,
    RequestRefused,
    SeeOther,
    not_found,
)
from console.routes import ROUTES
from console.streams import OpenStream, Streams
from console.uploads import FORM_BYTES_MAX, UploadFolder
from vocabulary.networks import Network, client_address

#: Pages that are made at the same time; as many connections to the database are open.
THREADS = 8
#: Longest wait for a page, in seconds, while the process stops.
DRAIN_S = 10.0
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_BROWSER_COOKIE_AGE_S = 24 * 60 * 60

log = structlog.get_logger()


class ConsoleServer:
    """Serves the pages; ``serve`` returns after SIGTERM or SIGINT.

    Args:
        console: what pages work with.
        routes: the addresses; those of the console unless a test has its own.
    """

    def __init__(self, console: Console, routes: Sequence[Route] = ROUTES) -> None:
        self._console = console
        self._routes = routes
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
        self._forms = FormReader(console, self._threads)
        self._streams = Streams(console)
        prefix = "__Host-" if console.config.is_secure else ""
        self._session_cookie, self._browser_cookie = f"{prefix}tieout", f"{prefix}tieout-form"

    def application(self) -> web.Application:
        """The web application: health, static files, pages, and a page for everything else."""
        app = web.Application(client_max_size=FORM_BYTES_MAX)
        app.on_response_prepare.append(partial(set_headers, self._console.config))
        app.add_routes(Monitoring(self._console.readers, self._threads).routes())
        app.router.add_get("/static/{name}", _static)
        app.add_routes(ApiServer(self._console, self._threads, self._read).routes())
        for route in self._routes:
            app.router.add_route(route.method, route.path, self._handler(route))
        unknown = Route(method="GET", path="/{rest:.*}", right=None, handler=_unknown)
        app.router.add_route("*", unknown.path, self._handler(unknown))
        app.on_shutdown.append(self._end_streams)
        app.on_cleanup.append(self._close)
        return app

    async def serve(
        self, listen: socket.socket, *, on_started: Callable[[], None] = lambda: None
    ) -> None:
        """Serve on a bound socket until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, partial(log.info, "hangup_ignored"))
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=DRAIN_S)
        await runner.setup()
        await web.SockSite(runner, listen).start()
        log.info("console_started", port=listen.getsockname()[1])
        on_started()
        await stop.wait()
        await runner.cleanup()
        log.info("console_stopped")

    async def _end_streams(self, _app: web.Application) -> None:
        self._streams.stop()

    async def _close(self, _app: web.Application) -> None:
        self._threads.shutdown(wait=True)
        self._streams.close()

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            incoming = self._read(request)
            with UploadFolder() as folder:
                read = await self._forms.read(route, incoming, request, folder)
                if isinstance(read, Incoming):
                    answer = partial(self._answer, route, read)
                else:
                    answer = partial(self._response_to, route, incoming, read)
                loop = asyncio.get_running_loop()
                response = await loop.run_in_executor(self._threads, answer)
            if isinstance(response, OpenStream):
                return await self._stream(request, incoming, response)
            if route.right is None and not request.cookies.get(self._browser_cookie):
                self._set_cookie(
                    response,
                    self._browser_cookie,
                    incoming.browser_token,
                    max_age=_BROWSER_COOKIE_AGE_S,
                )
            return response

        return handle

    def _read(self, request: web.Request) -> Incoming:
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        return Incoming(
            path=dict(request.match_info),
            query=dict(request.query),
            form={},
            cookie=request.cookies.get(self._session_cookie, ""),
            browser_token=request.cookies.get(self._browser_cookie)
            or secrets.token_urlsafe(24),
            origin=request.headers.get("Origin", ""),
            host=request.host,
            address=_address(request, self._console.config.trusted_proxies),
            url=request.path_qs,
            is_fetched_elsewhere=site not in {"same-origin", "none"},
        )

    async def _stream(
        self, request: web.Request, incoming: Incoming, opened: OpenStream
    ) -> web.StreamResponse:
        """Send the events of a page, unless too many pages get events already."""
        try:
            self._streams.require_room(opened)
        except RequestRefused as refusal:
            outcome = failed(refusal, opened.route, opened.session)
            assert isinstance(outcome.reply, HtmlPage), "every failure has a page"
            return self._page(outcome.reply, outcome, incoming)
        return await self._streams.send(request, opened)

    def _answer(self, route: Route, incoming: Incoming) -> web.Response | OpenStream:
        outcome = pass_gate(self._console, route, incoming)
        return self._response_to(route, incoming, outcome)

    def _response_to(
        self, route: Route, incoming: Incoming, outcome: GateOutcome
    ) -> web.Response | OpenStream:
        match outcome.reply:
            case HtmlPage() as page:
                try:
                    return self._page(page, outcome, incoming)
                except Exception as error:  # noqa: BLE001 - a template that fails is a page, too
                    failure = failed(error, route, outcome.session)
                    assert isinstance(failure.reply, HtmlPage), "every failure has a page"
                    return self._page(failure.reply, failure, incoming)
            case FileDownload() as file:
                return web.Response(
                    body=file.content,
                    headers={
                        "Content-Type": file.content_type,
                        "Content-Disposition": _attachment(file.name),
                    },
                )
            case SeeOther() as other:
                return self._redirect(other, incoming)
            case EventStream() as stream:
                assert outcome.session is not None, "a stream has a right, so somebody is there"
                return OpenStream(stream=stream, session=outcome.session, route=route)

    def _page(self, page: HtmlPage, outcome: GateOutcome, incoming: Incoming) -> web.Response:
        return web.Response(
            text=html_of(page, self._console, incoming, outcome.session),
            status=page.status,
            content_type="text/html",
            headers={"X-Error-Id": outcome.error_id} if outcome.error_id else {},
        )

    def _redirect(self, other: SeeOther, incoming: Incoming) -> web.Response:
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": other.path})
        if other.session_token:
            lasts_s = int(self._console.config.session_lasts.total_seconds())
            self._set_cookie(
                response, self._session_cookie, other.session_token, max_age=lasts_s
            )
        elif other.session_token == "" or (incoming.cookie and other.path == login_path("/")):
            self._set_cookie(response, self._session_cookie, "", max_age=0)
        return response

    def _set_cookie(
        self, response: web.StreamResponse, name: str, value: str, *, max_age: int
    ) -> None:
        response.set_cookie(
            name,
            value,
            path="/",
            max_age=max_age,
            httponly=True,
            samesite="Lax",
            secure=self._console.config.is_secure,
        )


def _attachment(name: str) -> str:
    """Makes the browser store a file under its name, and never show it."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\' else "_"
        for char in name
    )
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'


def _unknown(visit: object) -> HtmlPage:
    raise not_found("page", getattr(visit, "url", ""))


async def _static(request: web.Request) -> web.StreamResponse:
    """A file of ours, by a name that the folder has; nothing else is opened."""
    names = {path.name: path for path in STATIC.iterdir()}
    path = names.get(request.match_info["name"])
    if path is None:
        return web.Response(status=HTTPStatus.NOT_FOUND, text="No such file.")
    return web.Response(
        body=path.read_bytes(),
        headers={
            "Content-Type": _CONTENT_TYPES.get(path.suffix, "application/octet-stream"),
            "Cache-Control": "public, max-age=31536000, immutable",
        },
    )


def _address(request: web.Request, trusted: tuple[Network, ...]) -> str:
    """The browser's address; that of the proxy, if it forwards something else."""
    peer = request.remote or ""
    forwarded = request.headers.getall("X-Forwarded-For", [])
    return str(client_address(peer, forwarded, trusted) or peer)[:64]
