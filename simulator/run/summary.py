"""The figures of a run: counts, latencies, and every reply that was not the expected one."""

from dataclasses import dataclass, field

from simulator.protocol.messages import Call, CallKind, Expectation, ReplyKind
from simulator.protocol.sender import DeliveryResult

#: Mismatches kept in full; beyond that they are only counted.
MISMATCHES_KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A reply that was not the expected one."""

    side: str
    key: str | None
    kind: str
    expected: str
    seen: str
    why: str


@dataclass(slots=True, kw_only=True)
class RunSummary:
    """Counts of a run, filled while it goes.

    Attributes:
        sends: HTTP requests sent, retries included.
        callbacks: deliveries that got their final reply.
        accepted: operations accepted for the first time.
        repeated: deliveries of an operation that was answered before, copies included.
        latencies: seconds of each answered send.
        mismatched: how many replies were unexpected.
    """

    sends: int = 0
    callbacks: int = 0
    accepted: int = 0
    declined: int = 0
    repeated: int = 0
    conflicts: int = 0
    refused: int = 0
    balances: int = 0
    mismatched: int = 0
    latencies: list[float] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)

    def count(self, call: Call, expected: Expectation, copies: list[DeliveryResult]) -> None:
        """Count one step that was answered as expected, or will be noted as not."""
        self.callbacks += len(copies)
        self.sends += sum(copy.sends for copy in copies)
        self.latencies += [copy.seconds for copy in copies]
        if call.kind is CallKind.BALANCE and expected.seen is ReplyKind.BALANCE:
            self.balances += len(copies)
        elif expected.seen is ReplyKind.REFUSED:
            self.refused += len(copies)
        elif expected.seen is ReplyKind.CONFLICT:
            self.conflicts += len(copies)
        else:
            self._decided(expected, len(copies))

    def note(self, mismatch: Mismatch) -> None:
        """Keep one unexpected reply."""
        self.mismatched += 1
        if len(self.mismatches) < MISMATCHES_KEPT:
            self.mismatches.append(mismatch)

    def percentile_ms(self, percent: int) -> float:
        """The latency in milliseconds that ``percent`` of the answered sends kept within."""
        if not self.latencies:
            return 0.0
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    def _decided(self, expected: Expectation, copies: int) -> None:
        first = 0 if expected.repeated else 1
        self.repeated += copies - first
        if expected.seen is ReplyKind.SUCCESS:
            self.accepted += first
        else:
            self.declined += first
