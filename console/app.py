"""The console's process: an aiohttp server whose pages run in threads."""

import asyncio
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address

import structlog
from aiohttp import web

from console.api.server import ApiServer
from console.config import Console
from console.gate import GateOutcome, Incoming, Route, failed, login_path, pass_gate
from console.headers import set_headers
from console.layout import html_of
from console.monitoring import Monitoring
from console.rendering import STATIC
from console.replies import FileDownload, HtmlPage, RequestRefused, SeeOther, not_found
from console.routes import ROUTES
from vocabulary.networks import Network

#: Pages that are made at the same time; as many connections to the database are open.
THREADS = 8
#: Longest form, in bytes.
FORM_BYTES_MAX = 64 * 1024
#: Most fields of a form; more are no form of ours.
FIELDS_MAX = 50
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
        app.on_cleanup.append(self._close)
        return app

    async def serve(self, listen: socket.socket) -> None:
        """Serve on a bound socket until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=DRAIN_S)
        await runner.setup()
        await web.SockSite(runner, listen).start()
        log.info("console_started", port=listen.getsockname()[1])
        await stop.wait()
        await runner.cleanup()
        log.info("console_stopped")

    async def _close(self, _app: web.Application) -> None:
        self._threads.shutdown(wait=True)

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            incoming, refusal = self._read(request), None
            try:
                incoming = replace(incoming, form=await _form_of(request))
            except (web.HTTPRequestEntityTooLarge, ValueError) as error:
                refusal = _no_form(error)
            loop = asyncio.get_running_loop()
            answer = partial(self._answer, route, incoming, refusal)
            response = await loop.run_in_executor(self._threads, answer)
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

    def _answer(
        self, route: Route, incoming: Incoming, refusal: RequestRefused | None
    ) -> web.Response:
        if refusal is None:
            outcome = pass_gate(self._console, route, incoming)
        else:
            outcome = failed(refusal, route, None)
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
                        "Content-Disposition": f'attachment; filename="{file.name}"',
                    },
                )
            case SeeOther() as other:
                return self._redirect(other, incoming)

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


async def _form_of(request: web.Request) -> dict[str, str]:
    """The text fields of a form, each name once.

    Raises:
        HTTPRequestEntityTooLarge: it has more than ``FORM_BYTES_MAX``.
        ValueError: it is no form, or has too many fields.
    """
    if request.method != "POST":
        return {}
    fields = await request.post()
    if len(fields) > FIELDS_MAX:
        raise ValueError("too many fields")
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _no_form(error: Exception) -> RequestRefused:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return RequestRefused(
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            title="Too long",
            why=f"At most {FORM_BYTES_MAX // 1024} KiB are expected. Nothing was done.",
        )
    return RequestRefused(
        status=HTTPStatus.BAD_REQUEST,
        title="No form",
        why="What was sent cannot be read as a form. Nothing was done.",
    )


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


def _address(request: web.Request, trusted: Sequence[Network]) -> str:
    """The browser's address: the last one that no trusted proxy has, going back from us."""
    hops = [
        part.strip()
        for value in request.headers.getall("X-Forwarded-For", [])
        for part in value.split(",")
    ]
    address = request.remote or ""
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    return address[:64]


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)
