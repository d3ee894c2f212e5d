"""One finished run: what was compared, the bucket of every row, and the breaks."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

from breaks.kinds import BY_ROUND
from feeds.coverage import Unread
from reconcile.findings.breaks import Break
from reconcile.matching.conservation import SideProof, tally_json
from vocabulary.clock import iso
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor
from vocabulary.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run that is stored.

    Attributes:
        ours, theirs: the proof that every row of the side is in one bucket.
        maturity_s: the longest age below which anything was timing, in seconds.
        code: the version of this application.
        rules: the versions of the rules applied.
        exponents: the provider's overrides of decimal places.
        residuals: by currency, the accepted differences in minor units, as owed to the player.
        booked: by currency, what the run moved to the account ``difference``, in minor units.
        residual_rounds: the rounds behind ``residuals``, as a number and a hash.
        inputs: what the run rests on; see ``reconcile.runs.run``.
        unread: what the feeds could not deliver of the window; none of it was compared.
    """

    run_id: str
    provider: str
    window: Window
    started_at: datetime
    finished_at: datetime
    maturity_s: int
    ours: SideProof
    theirs: SideProof
    breaks: tuple[Break, ...]
    code: str
    rules: Mapping[str, int]
    exponents: Mapping[str, int]
    residuals: Mapping[str, int] = field(default_factory=dict)
    booked: Mapping[str, int] = field(default_factory=dict)
    residual_rounds: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    @property
    def conserved(self) -> bool:
        """Whether both proofs hold; a run whose proofs do not hold is never stored."""
        return self.ours.holds and self.theirs.holds

    def summary(self) -> dict[str, Any]:
        """Return what ``tieout reconcile --json`` prints, without the breaks."""
        return {
            "run_id": self.run_id,
            "provider": self.provider,
            "window": {"from": iso(self.window.start), "to": iso(self.window.end)},
            "ours": _side_json(self.ours, self.exponents),
            "theirs": _side_json(self.theirs, self.exponents),
            "matched": self.ours.matched.rows,
            "timing": {"ours": self.ours.timing.rows, "theirs": self.theirs.timing.rows},
            "excluded": {"ours": self.ours.excluded.rows, "theirs": self.theirs.excluded.rows},
            "residual": self._amounts(self.residuals),
            "booked": self._amounts(self.booked),
            "unread": [gap.to_json() for gap in self.unread],
            "conserved": self.conserved,
        }

    def _amounts(self, sums: Mapping[str, int]) -> dict[str, str]:
        return {
            code: text_from_minor(minor, digits_of(code, self.exponents))
            for code, minor in sorted(sums.items())
        }

    def to_json(self) -> dict[str, Any]:
        """Return what ``tieout reconcile --json`` prints; amounts are decimal text."""
        summary = self.summary()
        conserved = summary.pop("conserved")
        breaks = [break_json(break_, self.exponents) for break_ in self.breaks]
        return {**summary, "breaks": breaks, "conserved": conserved}

    def manifest(self) -> dict[str, Any]:
        """Return inputs, versions and proofs: what later shows what this run rests on."""
        return {
            "code": self.code,
            "rules": dict(self.rules),
            "maturity_s": self.maturity_s,
            "now": iso(self.started_at),
            "exponents": dict(self.exponents),
            "breaks": len(self.breaks),
            "findings": breaks_digest(self.breaks),
            "residuals_minor": {c: str(minor) for c, minor in sorted(self.residuals.items())},
            "residual_rounds": dict(self.residual_rounds),
            "booked_minor": {c: str(minor) for c, minor in sorted(self.booked.items())},
            "inputs": dict(self.inputs),
            "unread": [gap.to_json() for gap in self.unread],
            "ours": _proof_json(self.ours),
            "theirs": _proof_json(self.theirs),
        }


def break_json(break_: Break, exponents: Mapping[str, int]) -> dict[str, Any]:
    """Return one break as commands print it."""
    exponent = digits_of(break_.currency, exponents)
    return {
        "id": break_.id,
        "kind": str(break_.kind),
        "impact": str(break_.impact),
        "player": break_.player,
        "currency": break_.currency,
        "round_key": break_.round_id,
        "ours": None if break_.ours is None else dict(break_.ours),
        "theirs": None if break_.theirs is None else dict(break_.theirs),
        "difference": text_from_minor(break_.difference, exponent),
        "first_seen": iso(break_.first_seen),
        "explanation": break_.explanation,
        "began_at": iso(break_.at),
        "subject": break_.subject,
        "alias": break_.alias,
        "evidence": dict(break_.evidence),
    }


def breaks_digest(breaks: Iterable[Break]) -> dict[str, Any]:
    """Count and hash the breaks, whatever their order: of rounds, and of cross-checks."""
    groups: dict[str, list[list[object]]] = {"by_round": [], "by_witness": []}
    for break_ in breaks:
        name = "by_round" if break_.kind in BY_ROUND else "by_witness"
        difference = str(break_.difference)
        groups[name].append([break_.id, str(break_.kind), difference, break_.explanation])
    return {
        name: {"count": len(rows), "digest": _digest(sorted(rows, key=str))}
        for name, rows in groups.items()
    }


def _digest(rows: list[list[object]]) -> str:
    return blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()


def _side_json(proof: SideProof, exponents: Mapping[str, int]) -> dict[str, Any]:
    totals = {
        currency: {
            "stake": text_from_minor(stake, digits_of(currency, exponents)),
            "payout": text_from_minor(payout, digits_of(currency, exponents)),
        }
        for currency, stake, payout in proof.compared.totals
    }
    return {"rows": proof.compared.rows, "totals": totals}


#: The tallies of a proof that a manifest stores.
_MANIFEST_TALLIES = (
    *("source", "outside", "undone", "compared"),
    *("matched", "timing", "breaks", "excluded"),
)


def _proof_json(proof: SideProof) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        name: tally_json(getattr(proof, name)) for name in _MANIFEST_TALLIES
    }
    if proof.edge.rows:
        manifest["beyond"] = str(proof.edge)
    return {
        **manifest,
        "folded": proof.folded,
        "identity": str(proof.identity),
        "holds": proof.holds,
    }
