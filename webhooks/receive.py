"""One callback, from bytes to answer: read, verify, parse, commit, say so."""

import asyncio
from collections.abc import Mapping
from time import perf_counter

import structlog
from aiohttp import web

from ledger.books import Request
from providers.contract import Callback, Verified
from vocabulary import steps
from vocabulary.clock import Clock
from vocabulary.errors import Malformed, NotAuthentic, SignatureMissing
from vocabulary.facts import Fact
from vocabulary.outcomes import Answer, Outcome, Verdict, refusal
from vocabulary.steps import Step
from webhooks.address import client_address, within
from webhooks.commit import GroupCommit
from webhooks.door import Door, ReceiverConfig
from webhooks.meters import Meters

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

_JSON = {"Content-Type": "application/json"}

log = structlog.get_logger()


class TooLarge(Exception):
    """The body exceeds the limit."""


class Receive:
    """Answers one route of one provider."""

    def __init__(
        self,
        route: str,
        door: Door,
        *,
        config: ReceiverConfig,
        commit: GroupCommit,
        meters: Meters,
        clock: Clock,
    ) -> None:
        self._route = route
        self._door = door
        self._config = config
        self._commit = commit
        self._meters = meters
        self._clock = clock

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one POST; whatever happens, in the dialect's own words."""
        started = perf_counter()
        try:
            verdict, answer = await self._answer(request)
        except Exception:
            # The process edge: a bug is answered as "retry", logged once, and counted.
            log.exception(
                "callback_failed", provider=self._door.provider.slug, route=self._route
            )
            verdict, answer = Verdict.UNAVAILABLE, self._say(Verdict.UNAVAILABLE)
        self._meters.answered(
            self._door.provider.slug, self._route, verdict, perf_counter() - started
        )
        return web.Response(body=answer.body, status=answer.status, headers=_JSON)

    async def _answer(self, request: web.Request) -> tuple[Verdict, Answer]:
        if self._door.allow and not self._comes_from_allowed(request):
            return self._refuse(Verdict.ADDRESS_REFUSED)
        try:
            body = await self._body(request)
        except TooLarge:
            return self._refuse(Verdict.TOO_LARGE)
        except (TimeoutError, ConnectionError, web.RequestPayloadError):
            # It did not arrive whole: broken off, broken in transfer, or too slow.
            return self._refuse(Verdict.TOO_SLOW)
        steps.reached(Step.READ)
        callback = Callback(route=self._route, headers=request.headers, body=body)
        try:
            verified = self._door.dialect.verify(callback, self._door.provider)
        except NotAuthentic as refused:
            log.info(
                "callback_refused", provider=self._door.provider.slug, reason=refused.reason
            )
            missing = isinstance(refused, SignatureMissing)
            return self._refuse(Verdict.SIGNATURE_MISSING if missing else Verdict.NOT_AUTHENTIC)
        steps.reached(Step.VERIFIED)
        understood = self._understood(callback, verified)
        steps.reached(Step.UNDERSTOOD)
        decided = await self._commit.submit(understood)
        return decided.verdict, decided.answer

    def _understood(self, callback: Callback, verified: Verified) -> Request:
        door = self._door
        fact: Fact | None
        try:
            fact = door.dialect.parse(verified, door.provider)
        except Malformed as malformed:
            log.warning("callback_malformed", provider=door.provider.slug, path=malformed.path)
            fact = None
        return Request(
            provider=door.provider.slug,
            policy=door.policy,
            fact=fact,
            route=self._route,
            headers=evidence(callback.headers),
            body=callback.body,
            received_at=self._clock.now(),
            respond=self._respond,
        )

    async def _body(self, request: web.Request) -> bytes:
        length = request.content_length
        if length is not None and length > self._config.body_bytes_max:
            raise TooLarge
        if request.content.is_eof():
            body = await request.content.read()
        else:
            async with asyncio.timeout(self._config.read_timeout_s):
                body = await self._read_bounded(request)
        if len(body) > self._config.body_bytes_max:
            raise TooLarge
        return body

    async def _read_bounded(self, request: web.Request) -> bytes:
        parts: list[bytes] = []
        room = self._config.body_bytes_max + 1
        while room > 0 and (part := await request.content.read(room)):
            parts.append(part)
            room -= len(part)
        return b"".join(parts)

    def _comes_from_allowed(self, request: web.Request) -> bool:
        forwarded = request.headers.getall("X-Forwarded-For", [])
        address = client_address(request.remote, forwarded, self._config.trusted_proxies)
        return within(address, self._door.allow)

    def _refuse(self, verdict: Verdict) -> tuple[Verdict, Answer]:
        return verdict, self._say(verdict)

    def _say(self, verdict: Verdict) -> Answer:
        return self._respond(refusal(verdict, self._route))

    def _respond(self, outcome: Outcome) -> Answer:
        return self._door.dialect.respond(outcome, self._door.provider)


class RefuseRoute:
    """Answers what no route takes: an unknown path, or a method other than POST."""

    def __init__(self, door: Door, meters: Meters) -> None:
        self._door = door
        self._meters = meters

    async def handle(self, request: web.Request) -> web.Response:
        """Refuse in the dialect's own words."""
        known = request.match_info["route"] in self._door.dialect.routes
        verdict = Verdict.METHOD_WRONG if known else Verdict.ROUTE_UNKNOWN
        self._meters.answered(self._door.provider.slug, "", verdict, 0.0)
        answer = self._door.dialect.respond(refusal(verdict, ""), self._door.provider)
        return web.Response(body=answer.body, status=answer.status, headers=_JSON)


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
