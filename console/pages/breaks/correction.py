"""A correction before it is proposed: what it would post, close and open.

Nothing is stored: the page asks the rules of the break's last run, as the proposal does again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from breaks.corrections.suggestions import Correction, RoundSide, suggested_corrections
from breaks.corrections.trials import (
    Source,
    Trial,
    check_overruled,
    check_trial,
    sources_against,
)
from breaks.states import ActionRefused, BreakState, check_step
from breaks.store import TrackedBreak, break_exists, read_break
from console.config import Visit
from console.pages.parameters import zone_values
from console.replies import HtmlPage, not_found
from vocabulary.currencies import digits_of
from vocabulary.errors import Malformed, NotAllowed
from vocabulary.money import minor_from_text

#: By the value of the form, the side of the round; the adjustment account has none.
_SIDES: Mapping[str, RoundSide | None] = {
    "": None,
    "account": None,
    "stake": "stake",
    "payout": "payout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRequest:
    """What a person asks to try or to propose.

    Attributes:
        named: the correction that they typed; None: what follows from the break.
        overruled: the sources that they say are wrong.
    """

    named: Correction | None
    overruled: frozenset[Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What trying showed.

    Attributes:
        trial: the answer; None if nothing could be tried.
        refusal: why it may not be proposed as it is; empty: it may.
        against: the sources that contradict it.
    """

    corrections: tuple[Correction, ...]
    trial: Trial | None
    refusal: str
    against: frozenset[Source]


def show(visit: Visit) -> HtmlPage:
    """Try the correction, and offer to propose it."""
    break_id = visit.path["id"]
    if not break_exists(visit.console.readers, break_id):
        raise not_found("break", break_id)
    break_ = read_break(visit.console.readers, break_id)
    exponents = visit.config.exponents(break_.provider)
    request = read_correction(visit.query, break_, exponents)
    attempt = try_correction(visit, break_, request)
    values: dict[str, Any] = {
        "break_": break_,
        "exponents": exponents,
        **zone_values(visit.config, break_.provider),
        "attempt": attempt,
        "trial": _trial_json(attempt, exponents, request.overruled),
        "fields": {name: visit.query.get(name, "").strip() for name in ("amount", "side")},
        "overruled": request.overruled,
        "sources": sorted(attempt.against | request.overruled),
    }
    return HtmlPage(template="breaks/correction.html", values=values)


def read_correction(
    fields: Mapping[str, str], break_: TrackedBreak, exponents: Mapping[str, int]
) -> CorrectionRequest:
    """Read amount, side and overruled sources of a form.

    Raises:
        Malformed: one of them cannot be read.
    """
    overruled = frozenset(source for source in Source if fields.get(f"overrule-{source}"))
    amount, side = fields.get("amount", "").strip(), fields.get("side", "")
    if side not in _SIDES:
        raise Malformed("side", "stake, payout or account is expected")
    if not amount:
        return CorrectionRequest(named=None, overruled=overruled)
    digits = digits_of(break_.currency, exponents)
    minor = minor_from_text(amount.replace("\N{MINUS SIGN}", "-").lstrip("+"), digits)
    named = Correction(amount=minor, side=_SIDES[side])
    return CorrectionRequest(named=named, overruled=overruled)


def try_correction(visit: Visit, break_: TrackedBreak, request: CorrectionRequest) -> Attempt:
    """Try what is asked for; a refusal is part of the answer."""
    exponents = visit.config.exponents(break_.provider)
    corrections: tuple[Correction, ...] = ()
    trial, refusal = None, ""
    try:
        check_step(break_.break_id, break_.state, BreakState.PROPOSED)
        named = request.named
        corrections = (named,) if named else suggested_corrections(break_, exponents)
        trial = visit.config.try_corrections(break_, corrections, now=visit.now)
        check_trial(trial, request.overruled)
        check_overruled(trial, request.overruled)
    except NotAllowed as error:
        refusal = str(error)
    return Attempt(
        corrections=corrections,
        trial=trial,
        refusal=refusal,
        against=sources_against(trial) if trial else frozenset(),
    )


def corrections_suggested(
    break_: TrackedBreak, exponents: Mapping[str, int]
) -> tuple[Correction, ...]:
    """The corrections that would make both sides agree; empty if none can be derived."""
    try:
        return suggested_corrections(break_, exponents)
    except ActionRefused:
        return ()


def _trial_json(
    attempt: Attempt, exponents: Mapping[str, int], overruled: Collection[Source]
) -> dict[str, Any] | None:
    if attempt.trial is None:
        return None
    return attempt.trial.to_json(exponents, overruled)
