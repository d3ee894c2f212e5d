"""One callback, from bytes to reply: read, verify, parse, commit, respond."""

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter

import structlog
from aiohttp import web

from ledger.accepting.model import Decision, Request
from providers.contract import Callback, Verified
from vocabulary import fault_points
from vocabulary.clock import Clock
from vocabulary.currencies import CurrencyUnknown
from vocabulary.errors import Malformed, NotAuthentic, SignatureMissing
from vocabulary.facts import Fact
from vocabulary.fault_points import Step
from vocabulary.networks import Address, client_address, in_networks
from vocabulary.outcomes import CallbackReply, Outcome, Verdict, refusal
from webhooks.config import ProviderEndpoint, ReceiverConfig
from webhooks.evidence_headers import header_limits, text_within
from webhooks.group_commit import GroupCommit
from webhooks.http_server import LastResponse, is_client_gone
from webhooks.metrics import ReceiverMetrics
from webhooks.request_body import TooLarge, read_body
from webhooks.sampled_log import SampledLog
from webhooks.secret_use import SecretUse

_JSON = {"Content-Type": "application/json"}

Ended = tuple[Verdict, CallbackReply]
#: Receives the reply to one request, once, and returns whether the client can still get it;
#: must not raise.
OnReply = Callable[[CallbackReply], bool]

log = structlog.get_logger()


class CallbackHandler:
    """Answers the callbacks of one route of one provider."""

    def __init__(
        self,
        route: str,
        endpoint: ProviderEndpoint,
        *,
        config: ReceiverConfig,
        commit: GroupCommit,
        metrics: ReceiverMetrics,
        sampled: SampledLog,
        clock: Clock,
    ) -> None:
        self._route = route
        self._config = config
        self._commit = commit
        self._metrics = metrics
        self._sampled = sampled
        self._clock = clock
        self.use(endpoint)

    def use(self, endpoint: ProviderEndpoint) -> None:
        """Read callbacks with other secrets and from other addresses from now on."""
        self._endpoint = endpoint
        dialect, slug = endpoint.dialect, endpoint.provider.slug
        self._header_limits = header_limits(dialect.signature_headers(endpoint.provider))
        self._secret_use = SecretUse(
            dialect,
            endpoint.provider,
            [self._metrics.secret_counter(slug, name) for name in endpoint.secret_references],
        )

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one POST from the HTTP server, always in the dialect's own format."""
        started = perf_counter()
        try:
            verdict, reply = await self._receive(request)
        except Exception:  # noqa: BLE001 - the process edge
            verdict, reply = self._failed()
        self._count(verdict, started)
        if verdict is Verdict.TOO_SLOW:
            return LastResponse(body=reply.body, status=reply.status, headers=_JSON)
        return _response(reply)

    def handle_plain(
        self, headers: Mapping[str, str], body: bytes, peer: str | None, on_reply: OnReply
    ) -> None:
        """Answer one complete POST from the fast path, now or when its decision is durable.

        Args:
            headers: names in lower case.
            body: the complete body.
            peer: the address of the client, or None on a Unix socket.
            on_reply: receives the reply and returns whether the client can still get it; must
                not raise.
        """
        started = perf_counter()
        try:
            request = self._check(headers, body, peer) or self._understand(headers, body, peer)
            if isinstance(request, Request):
                self._commit.enqueue(request, partial(self._answer, request, started, on_reply))
                return
            verdict, reply = request
        except Exception:  # noqa: BLE001 - the process edge
            verdict, reply = self._failed()
        self._count(verdict, started)
        on_reply(reply)

    def _answer(
        self, request: Request, started: float, on_reply: OnReply, decision: Decision
    ) -> None:
        """Answer a request of the fast path that is decided."""
        self._count(decision.verdict, started)
        if not on_reply(decision.reply):
            self._lost(request, decision)

    def refuse_slow(self, headers: Mapping[str, str], peer: str | None) -> CallbackReply:
        """The reply to a request whose body did not arrive in time on the fast path."""
        verdict, reply = self._check(headers, b"", peer) or self._refuse(Verdict.TOO_SLOW)
        self._count(verdict, perf_counter() - self._config.read_timeout_s)
        return reply

    def _check(self, headers: Mapping[str, str], body: bytes, peer: str | None) -> Ended | None:
        if not self._is_allowed(headers, peer):
            return self._refuse_address(headers, peer)
        return (
            self._refuse(Verdict.TOO_LARGE) if len(body) > self._config.body_bytes_max else None
        )

    async def _receive(self, http_request: web.Request) -> Ended:
        if not self._is_allowed(http_request.headers, http_request.remote):
            return self._refuse_address(http_request.headers, http_request.remote)
        try:
            body = await read_body(http_request, self._config)
        except TooLarge:
            return self._refuse(Verdict.TOO_LARGE)
        except (TimeoutError, ConnectionError, web.RequestPayloadError):
            # The body is incomplete: the client was too slow or closed the connection.
            return self._refuse(Verdict.TOO_SLOW)
        except RuntimeError:
            if http_request.transport is not None:
                raise
            return self._refuse(Verdict.TOO_SLOW)  # closed before the body was read
        request = self._understand(http_request.headers, body, http_request.remote)
        if not isinstance(request, Request):
            return request
        started = perf_counter()
        decision = await self._commit.submit(request)
        if is_client_gone(http_request, perf_counter() - started):
            self._lost(request, decision)
        return decision.verdict, decision.reply

    def _understand(
        self, headers: Mapping[str, str], body: bytes, peer: str | None
    ) -> Request | Ended:
        """Verify and parse a complete request."""
        fault_points.reached(Step.READ)
        callback = Callback(route=self._route, headers=headers, body=body)
        endpoint = self._endpoint
        try:
            verified = endpoint.dialect.verify(callback, endpoint.provider)
        except NotAuthentic as error:
            self._sampled.info(
                "callback_refused",
                provider=endpoint.provider.slug,
                reason=error.reason,
                address=self._address(headers, peer),
            )
            is_missing = isinstance(error, SignatureMissing)
            return self._refuse(
                Verdict.SIGNATURE_MISSING if is_missing else Verdict.NOT_AUTHENTIC
            )
        self._secret_use.count(callback)
        fault_points.reached(Step.VERIFIED)
        request = self._parse(callback, verified, peer)
        fault_points.reached(Step.PARSED)
        return request

    def _parse(self, callback: Callback, verified: Verified, peer: str | None) -> Request:
        endpoint = self._endpoint
        fact: Fact | None = None
        unread = Verdict.MALFORMED
        try:
            fact = endpoint.dialect.parse(verified, endpoint.provider)
        except CurrencyUnknown as error:
            self._sampled.warning(
                "callback_currency_unknown",
                provider=endpoint.provider.slug,
                currency=error.currency,
                advice=error.reason,
            )
            unread = Verdict.CURRENCY_WRONG
        except Malformed as error:
            self._sampled.warning(
                "callback_malformed",
                provider=endpoint.provider.slug,
                path=error.path,
                address=self._address(callback.headers, peer),
            )
        return Request(
            provider=endpoint.provider.slug,
            policy=endpoint.policy,
            fact=fact,
            unread=unread,
            route=self._route,
            headers=text_within(callback.headers, self._header_limits),
            body=callback.body,
            received_at=self._clock.now(),
            respond=self._respond,
        )

    def _lost(self, request: Request, decision: Decision) -> None:
        self._commit.lost(request.provider, decision, request.received_at)

    def _failed(self) -> Ended:
        """Answer a bug with "retry later"; log and count it once."""
        log.exception(
            "callback_failed", provider=self._endpoint.provider.slug, route=self._route
        )
        return self._refuse(Verdict.UNAVAILABLE)

    def _count(self, verdict: Verdict, started: float) -> None:
        slug = self._endpoint.provider.slug
        self._metrics.count_reply(slug, self._route, verdict, perf_counter() - started)

    def _is_allowed(self, headers: Mapping[str, str], peer: str | None) -> bool:
        if not self._endpoint.allow:
            return True
        return in_networks(self._client(headers, peer), self._endpoint.allow)

    def _client(self, headers: Mapping[str, str], peer: str | None) -> Address | None:
        forwarded = [
            value for name, value in headers.items() if name.lower() == "x-forwarded-for"
        ]
        return client_address(peer, forwarded, self._config.trusted_proxies)

    def _address(self, headers: Mapping[str, str], peer: str | None) -> str:
        """Where a request came from, for the log."""
        return str(self._client(headers, peer) or "unknown")

    def _refuse_address(self, headers: Mapping[str, str], peer: str | None) -> Ended:
        self._sampled.warning(
            "callback_refused",
            provider=self._endpoint.provider.slug,
            reason="its address is not allowed",
            address=self._address(headers, peer),
        )
        return self._refuse(Verdict.ADDRESS_REFUSED)

    def _refuse(self, verdict: Verdict) -> Ended:
        return verdict, self._respond(refusal(verdict, self._route))

    def _respond(self, outcome: Outcome) -> CallbackReply:
        return self._endpoint.dialect.respond(outcome, self._endpoint.provider)


class RefusalHandler:
    """Refuses requests to one provider that no route accepts: unknown paths, other methods."""

    def __init__(self, endpoint: ProviderEndpoint, metrics: ReceiverMetrics) -> None:
        self._endpoint = endpoint
        self._metrics = metrics

    def use(self, endpoint: ProviderEndpoint) -> None:
        """Answer as the provider expects it from now on."""
        self._endpoint = endpoint

    async def handle(self, request: web.Request) -> web.Response:
        """Refuse one request in the dialect's own format."""
        endpoint = self._endpoint
        is_route = request.match_info["route"] in endpoint.dialect.routes
        verdict = Verdict.METHOD_WRONG if is_route else Verdict.ROUTE_UNKNOWN
        self._metrics.count_reply(endpoint.provider.slug, "", verdict, 0.0)
        return _response(endpoint.dialect.respond(refusal(verdict, ""), endpoint.provider))


def _response(reply: CallbackReply) -> web.Response:
    return web.Response(body=reply.body, status=reply.status, headers=_JSON)
