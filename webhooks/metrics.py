"""Prometheus metrics of the receiver. Labelled children are looked up once and cached."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from vocabulary.build import commit, version
from vocabulary.outcomes import Verdict
from webhooks.tallies import TallyCounter, TallyHistogram

_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0)


class ReceiverMetrics:
    """Metrics in a registry of their own, so that one process can hold several receivers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._callbacks = TallyCounter(
            "tieout_callbacks_total",
            "Callbacks answered.",
            ["provider", "route", "verdict"],
            registry=self.registry,
        )
        self._seconds = TallyHistogram(
            "tieout_callback_seconds",
            "From the first byte read to the answer built.",
            ["provider"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._secrets = TallyCounter(
            "tieout_secret_used_total",
            "Authentic callbacks by the secret that they are signed with.",
            ["provider", "secret"],
            registry=self.registry,
        )
        self.batch_requests = TallyHistogram(
            "tieout_batch_requests",
            "Requests decided by one commit.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.conflicts = TallyCounter(
            "tieout_batch_conflicts_total",
            "Batches decided again after losing a race.",
            registry=self.registry,
        )
        self.pending = Gauge(
            "tieout_callbacks_pending",
            "Callbacks taken and not yet answered.",
            registry=self.registry,
        )
        self.clock_offset = Gauge(
            "tieout_clock_offset_seconds",
            "How far this host's clock is ahead of the database's.",
            registry=self.registry,
        )
        self.notify_failures = TallyCounter(
            "tieout_notify_failures_total",
            "Messages to workers that the broker did not take.",
            registry=self.registry,
        )
        _describe_process(self.registry)
        self._bound: dict[tuple[str, str, Verdict], Counter] = {}
        self._bound_seconds: dict[str, Histogram] = {}

    def count_reply(self, provider: str, route: str, verdict: Verdict, seconds: float) -> None:
        """Count one answer and observe how long it took."""
        key = (provider, route, verdict)
        counter = self._bound.get(key)
        if counter is None:
            counter = self._bound[key] = self._callbacks.labels(provider, route, verdict.value)
        counter.inc()
        histogram = self._bound_seconds.get(provider)
        if histogram is None:
            histogram = self._bound_seconds[provider] = self._seconds.labels(provider)
        histogram.observe(seconds)

    def secret_counter(self, provider: str, reference: str) -> Counter:
        """The counter of one live secret, at zero from the start."""
        return self._secrets.labels(provider, reference)

    def text(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)


def _describe_process(registry: CollectorRegistry) -> None:
    """Add which code runs, and what the operating system knows of this process."""
    build = Gauge(
        "tieout_build_info",
        "1: which code serves these metrics.",
        ["version", "commit"],
        registry=registry,
    )
    build.labels(version(), commit()).set(1)
    ProcessCollector(registry=registry)
