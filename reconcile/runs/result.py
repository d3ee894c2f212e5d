"""One finished run: what was compared, where every row ended, and what differs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

from breaks.kinds import BY_ROUND
from feeds.coverage import Unread
from reconcile.findings.breaks import Break
from reconcile.matching.conservation import SideProof, Tally, as_json
from vocabulary.clock import iso
from vocabulary.money import exponent_of, text_from_minor
from vocabulary.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run that stands.

    Attributes:
        ours, theirs: the proof that every row of the side is in one bucket.
        maturity_s: the longest age below which anything was timing, in seconds.
        code: the version of this application.
        rules: the versions of the rules applied.
        exponents: the provider's overrides of digits after the point.
        residuals: by currency, what the tolerance let pass, minor units, as owed to the player.
        booked: by currency, what the run moved to the account ``difference``, minor units.
        residual_rounds: the rounds behind ``residuals``, as a count and a hash.
        inputs: what the run rests on; see ``reconcile.inputs``.
        unread: what of the window the feeds could not tell; no row of it was compared.
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
        """Whether both proofs hold; a run where they do not is never stored."""
        return self.ours.holds and self.theirs.holds

    def summary(self) -> dict[str, Any]:
        """What ``tieout reconcile --json`` prints, without the breaks."""
        return {
            "run_id": self.run_id,
            "provider": self.provider,
            "window": {"from": iso(self.window.start), "to": iso(self.window.end)},
            "ours": _side_json(self.ours, self.exponents),
            "theirs": _side_json(self.theirs, self.exponents),
            "matched": self.ours.matched.rows,
            "timing": {"ours": self.ours.timing.rows, "theirs": self.theirs.timing.rows},
            "excluded": {"ours": self.ours.excluded.rows, "theirs": self.theirs.excluded.rows},
            "residual": self._texts(self.residuals),
            "booked": self._texts(self.booked),
            "unread": [each.to_json() for each in self.unread],
            "conserved": self.conserved,
        }

    def _texts(self, sums: Mapping[str, int]) -> dict[str, str]:
        return {
            code: text_from_minor(minor, exponent_of(code, self.exponents))
            for code, minor in sorted(sums.items())
        }

    def to_json(self) -> dict[str, Any]:
        """What ``tieout reconcile --json`` prints; amounts are decimal text."""
        found = [break_json(each, self.exponents) for each in self.breaks]
        summary = self.summary()
        conserved = summary.pop("conserved")
        return {**summary, "breaks": found, "conserved": conserved}

    def manifest(self) -> dict[str, Any]:
        """Inputs, versions and the proof: enough to show later what this run rests on."""
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
            "unread": [each.to_json() for each in self.unread],
            "ours": _proof_json(self.ours),
            "theirs": _proof_json(self.theirs),
        }


def break_json(each: Break, exponents: Mapping[str, int]) -> dict[str, Any]:
    """One break as the interface prints it."""
    return {
        "id": each.id,
        "kind": str(each.kind),
        "impact": str(each.impact),
        "player": each.player,
        "currency": each.currency,
        "round_key": each.round_id,
        "ours": None if each.ours is None else dict(each.ours),
        "theirs": None if each.theirs is None else dict(each.theirs),
        "difference": text_from_minor(each.difference, exponent_of(each.currency, exponents)),
        "first_seen": iso(each.first_seen),
        "explanation": each.explanation,
        "began_at": iso(each.at),
        "subject": each.subject,
        "alias": each.alias,
        "evidence": dict(each.evidence),
    }


def breaks_digest(breaks: Iterable[Break]) -> dict[str, Any]:
    """What a run found, as one hash: by rounds and by witnesses apart, whatever the order."""
    told: dict[str, list[list[object]]] = {"by_round": [], "by_witness": []}
    for each in breaks:
        name = "by_round" if each.kind in BY_ROUND else "by_witness"
        told[name].append([each.id, str(each.kind), str(each.difference), each.explanation])
    return {
        name: {"count": len(rows), "digest": _digest(sorted(rows, key=str))}
        for name, rows in told.items()
    }


def _digest(rows: list[list[object]]) -> str:
    return blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()


def _side_json(proof: SideProof, exponents: Mapping[str, int]) -> dict[str, Any]:
    totals = {
        currency: {
            "stake": text_from_minor(stake, exponent_of(currency, exponents)),
            "payout": text_from_minor(payout, exponent_of(currency, exponents)),
        }
        for currency, stake, payout in proof.compared.totals
    }
    return {"rows": proof.compared.rows, "totals": totals}


def _proof_json(proof: SideProof) -> dict[str, Any]:
    lines: dict[str, Tally] = {
        "source": proof.source,
        "outside": proof.outside,
        "undone": proof.undone,
        "compared": proof.compared,
        "matched": proof.matched,
        "timing": proof.timing,
        "breaks": proof.breaks,
        "excluded": proof.excluded,
    }
    told: dict[str, Any] = {name: as_json(entry) for name, entry in lines.items()}
    if proof.beyond.rows:
        told["beyond"] = str(proof.beyond)
    return {
        **told,
        "folded": proof.folded,
        "identity": str(proof.identity),
        "holds": proof.holds,
    }
