"""Cross-check: the provider's own log of its callbacks against our journal.

The provider's dialect reads the logged callbacks, so that both sides name an operation alike. A
logged callback that is not in the journal never reached us (or did not come from the provider).
One that the journal holds with another answer than the log is disputed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from breaks.kinds import BreakKind
from reconcile.findings.breaks import Break
from reconcile.findings.corrections import RoundCorrection, is_settled
from reconcile.findings.cross_check import BrokenRounds, CrossCheckFinding, break_of
from reconcile.findings.explanations import owed
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.currencies import digits_of
from vocabulary.facts import Bet, BetAndWin, Operation, Win
from vocabulary.ids import match_key
from vocabulary.money import Money, text_from_minor

#: Reads the body of a logged callback; None if it is not an operation.
ReadLogged = Callable[[bytes], Operation | None]

LOGGED = """
SELECT webhook_id, delivery_id, payload, response_code, response_body, success, attempted_at
  FROM provider_deliveries
 WHERE provider = {provider} AND attempted_at >= {start} AND attempted_at < {end}
 ORDER BY attempted_at, webhook_id, delivery_id
"""
_JOURNAL = """
SELECT op_key, reply_status, reply FROM operations
 WHERE provider = {provider} AND op_key = ANY({keys})
UNION ALL
SELECT op_key, reply_status, reply FROM deliveries
 WHERE provider = {provider} AND op_key = ANY({keys})
"""
_PLAYERS = """
SELECT handle, player FROM handles WHERE provider = {provider} AND handle = ANY({handles})
"""

#: A logged callback, and the operation that it holds.
_LoggedOperation = tuple[Mapping[str, Any], Operation]


def log_breaks(
    snapshot: Snapshot,
    exponents: Mapping[str, int],
    round_breaks: Iterable[Break],
    read_logged: ReadLogged,
    corrections: Sequence[RoundCorrection] = (),
) -> list[Break]:
    """Find logged callbacks that our journal lacks, or holds with another answer.

    Callbacks of rounds that are among ``round_breaks``, or were corrected since, get no break
    of their own.
    """
    rounds = BrokenRounds.of(round_breaks)
    logged = [(row, read_logged(row["payload"])) for row in snapshot.query(LOGGED)]
    attempts: dict[str, list[_LoggedOperation]] = {}
    for row, operation in logged:
        if operation is not None:
            attempts.setdefault(operation.key, []).append((row, operation))
    journal: dict[str, list[Mapping[str, Any]]] = {}
    for answer in snapshot.query(_JOURNAL, keys=sorted(attempts)) if attempts else ():
        journal.setdefault(answer["op_key"], []).append(answer)
    provider, now = snapshot.provider, snapshot.context.now
    findings = _compare(provider, exponents, attempts, journal)
    return [
        break_of(finding, provider, now)
        for finding in _with_our_players(snapshot, findings)
        if not rounds.explain(finding.row["round_id"], finding.row["player"])
        and not is_settled(finding.row, corrections)
    ]


def _with_our_players(
    snapshot: Snapshot, findings: list[CrossCheckFinding]
) -> list[CrossCheckFinding]:
    """Replace handles by our players; a handle without a mapping is the player."""
    players = players_of(snapshot, {finding.row["player"] for finding in findings})
    return [
        replace(finding, row={**finding.row, "player": players.get(handle, handle)})
        for finding in findings
        for handle in (finding.row["player"],)
    ]


def players_of(snapshot: Snapshot, handles: Set[str]) -> Mapping[str, str]:
    """Return our players of the handles that are mapped."""
    rows = snapshot.query(_PLAYERS, handles=sorted(handles)) if handles else ()
    return {row["handle"]: row["player"] for row in rows}


def _compare(
    provider: str,
    exponents: Mapping[str, int],
    attempts: Mapping[str, list[_LoggedOperation]],
    journal: Mapping[str, list[Mapping[str, Any]]],
) -> list[CrossCheckFinding]:
    findings = []
    for key, tries in attempts.items():
        row, operation = tries[-1]
        answers = journal.get(key)
        if answers is None:
            findings.append(_missing(provider, row, operation, exponents))
        elif not any(_agree(logged, answer) for logged, _ in tries for answer in answers):
            findings.append(_disputed(provider, row, operation, answers))
    return findings


def _agree(logged: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Check that the log shows our answer; a log may keep only the start of its body."""
    if logged["response_code"] != answer["reply_status"]:
        return False
    logged_body, sent = bytes(logged["response_body"]).strip(), bytes(answer["reply"]).strip()
    return sent.startswith(logged_body)


def _row(logged: Mapping[str, Any], operation: Operation, provider: str) -> dict[str, Any]:
    return {
        "round_id": operation.round_id,
        "op_key": operation.key,
        "match_key": match_key(provider, operation.round_id),
        "player": operation.handle,
        "currency": _movement(operation).currency,
        "received_at": logged["attempted_at"],
    }


def _movement(operation: Operation) -> Money:
    """Return what the callback would have moved to the player; zero if it names no amount."""
    match operation:
        case Bet():
            return Money(-operation.amount.minor, operation.amount.currency)
        case Win():
            return operation.amount
        case BetAndWin():
            return Money(operation.win.minor - operation.bet.minor, operation.win.currency)
        case _:
            amount = getattr(operation, "stake", None) or getattr(operation, "amount", None)
            currency = getattr(operation, "currency", "") if amount is None else amount.currency
            return Money(0, currency)


def _missing(
    provider: str,
    logged: Mapping[str, Any],
    operation: Operation,
    exponents: Mapping[str, int],
) -> CrossCheckFinding:
    movement = _movement(operation)
    exponent = digits_of(movement.currency, exponents)

    def money(minor: int) -> str:
        return f"{text_from_minor(minor, exponent)} {movement.currency}"

    outcome = "as delivered" if logged["success"] else "as failed"
    return CrossCheckFinding(
        kind=BreakKind.DELIVERY_MISSING,
        row=_row(logged, operation, provider),
        subject=operation.key,
        difference=movement.minor,
        evidence=_evidence(logged),
        explanation=f"{provider} logs the callback {operation.key} {outcome}, but it has never"
        f" reached us; if it stands, {owed(movement.minor, money)}.",
    )


def _disputed(
    provider: str,
    logged: Mapping[str, Any],
    operation: Operation,
    answers: list[Mapping[str, Any]],
) -> CrossCheckFinding:
    code = "no answer" if logged["response_code"] is None else logged["response_code"]
    sent = " and ".join(sorted({str(answer["reply_status"]) for answer in answers}))
    body = " and another body" if str(code) == sent else ""
    return CrossCheckFinding(
        kind=BreakKind.DELIVERY_DISPUTED,
        row=_row(logged, operation, provider),
        subject=operation.key,
        evidence={**_evidence(logged), "operations": [operation.key]},
        explanation=f"{provider} logs {code} for the callback {operation.key}, but we answered"
        f" it with {sent}{body}; ask whether it stands.",
    )


def _evidence(logged: Mapping[str, Any]) -> dict[str, Any]:
    return {"logged": [f"{logged['webhook_id']}/{logged['delivery_id']}"]}
