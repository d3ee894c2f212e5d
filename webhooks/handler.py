"""One callback, from bytes to answer: read, verify, parse, commit, say so."""

from collections.abc import Callable, Mapping
from time import perf_counter

import structlog
from aiohttp import web

from ledger.accepting.model import Decision, Request
from providers.contract import Callback, Verified
from vocabulary import steps
from vocabulary.clock import Clock
from vocabulary.errors import Malformed, NotAuthentic, SignatureMissing
from vocabulary.facts import Fact
from vocabulary.outcomes import Answer, Outcome, Verdict, refusal
from vocabulary.steps import Step
from webhooks.config import ProviderEndpoint, ReceiverConfig
from webhooks.evidence_headers import evidence
from webhooks.group_commit import GroupCommit
from webhooks.metrics import ReceiverMetrics
from webhooks.request_body import TooLarge, read_body
from webhooks.source_address import client_address, within

_JSON = {"Content-Type": "application/json"}

Refusal = tuple[Verdict, Answer]
#: Hears the answer to one request, once; must not raise.
OnAnswer = Callable[[Answer], None]

log = structlog.get_logger()


class CallbackHandler:
    """Answers one route of one provider."""

    def __init__(
        self,
        route: str,
        door: ProviderEndpoint,
        *,
        config: ReceiverConfig,
        commit: GroupCommit,
        meters: ReceiverMetrics,
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
        except Exception:  # noqa: BLE001 - the process edge
            verdict, answer = self._failed()
        self._count(verdict, started)
        return web.Response(body=answer.body, status=answer.status, headers=_JSON)

    def take(
        self, headers: Mapping[str, str], body: bytes, peer: str | None, say: OnAnswer
    ) -> None:
        """Answer one POST that is there whole; ``say`` hears the answer, now or when durable.

        Args:
            headers: names in lower case.
            body: all of it.
            peer: whom the connection is with, where that is an address.
            say: must not raise.
        """
        started = perf_counter()

        def tell(decided: Decision) -> None:
            self._count(decided.verdict, started)
            say(decided.answer)

        try:
            heard = self._refused(headers, body, peer) or self._hear(headers, body)
            if isinstance(heard, Request):
                self._commit.take(heard, tell)
                return
            verdict, answer = heard
        except Exception:  # noqa: BLE001 - the process edge
            verdict, answer = self._failed()
        self._count(verdict, started)
        say(answer)

    def _refused(
        self, headers: Mapping[str, str], body: bytes, peer: str | None
    ) -> Refusal | None:
        if not self._is_allowed(headers, peer):
            return self._refuse(Verdict.ADDRESS_REFUSED)
        return (
            self._refuse(Verdict.TOO_LARGE) if len(body) > self._config.body_bytes_max else None
        )

    async def _answer(self, request: web.Request) -> Refusal:
        if not self._is_allowed(request.headers, request.remote):
            return self._refuse(Verdict.ADDRESS_REFUSED)
        try:
            body = await read_body(request, self._config)
        except TooLarge:
            return self._refuse(Verdict.TOO_LARGE)
        except (TimeoutError, ConnectionError, web.RequestPayloadError):
            # It did not arrive whole: broken off, broken in transfer, or too slow.
            return self._refuse(Verdict.TOO_SLOW)
        except RuntimeError:
            if request.transport is not None:
                raise
            return self._refuse(Verdict.TOO_SLOW)  # broken off before it was looked at
        heard = self._hear(request.headers, body)
        if not isinstance(heard, Request):
            return heard
        decided = await self._commit.submit(heard)
        return decided.verdict, decided.answer

    def _hear(self, headers: Mapping[str, str], body: bytes) -> Request | Refusal:
        """Verify and understand a request whose bytes are all there."""
        steps.reached(Step.READ)
        callback = Callback(route=self._route, headers=headers, body=body)
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
        return understood

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

    def _failed(self) -> Refusal:
        """The process edge: a bug is answered as "retry", logged once, and counted."""
        log.exception("callback_failed", provider=self._door.provider.slug, route=self._route)
        return self._refuse(Verdict.UNAVAILABLE)

    def _count(self, verdict: Verdict, started: float) -> None:
        slug = self._door.provider.slug
        self._meters.answered(slug, self._route, verdict, perf_counter() - started)

    def _is_allowed(self, headers: Mapping[str, str], peer: str | None) -> bool:
        if not self._door.allow:
            return True
        forwarded = [
            value for name, value in headers.items() if name.lower() == "x-forwarded-for"
        ]
        address = client_address(peer, forwarded, self._config.trusted_proxies)
        return within(address, self._door.allow)

    def _refuse(self, verdict: Verdict) -> Refusal:
        return verdict, self._respond(refusal(verdict, self._route))

    def _respond(self, outcome: Outcome) -> Answer:
        return self._door.dialect.respond(outcome, self._door.provider)
