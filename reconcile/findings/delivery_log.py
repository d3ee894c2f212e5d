"""The provider's own log of its callbacks against our journal: the third side of the triangle.

What the provider sent is read by its own dialect, so that both sides name an operation alike. A
callback that the journal does not hold was never received (or came from nobody we trust); one
that it holds with another answer than the log says is disputed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from breaks.kinds import OF_BOOKS, BreakKind
from reconcile.findings.breaks import Break
from reconcile.findings.explanations import owed
from reconcile.findings.journal import CrossCheckFinding, break_of
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.facts import Bet, BetAndWin, Operation, Win
from vocabulary.ids import match_key
from vocabulary.money import Money, exponent_of, text_from_minor

#: Reads the body of a logged callback; None where it is no operation.
ReadLogged = Callable[[bytes], Operation | None]

_LOGGED = """
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


def log_breaks(
    books: Snapshot,
    provider: str,
    exponents: Mapping[str, int],
    now: datetime,
    *,
    read: ReadLogged,
    known: Iterable[Break],
) -> list[Break]:
    """Logged callbacks that our journal does not hold, or holds with another answer.

    One that explains a break already ``known`` about its round is no break of its own.
    """
    told = {each.round_id for each in known if each.kind in OF_BOOKS}
    logged = [(row, read(row["payload"])) for row in books.rows(_LOGGED)]
    by_key: dict[str, list[tuple[Mapping[str, Any], Operation]]] = {}
    for row, fact in logged:
        if fact is not None and fact.round_id not in told:
            by_key.setdefault(fact.key, []).append((row, fact))
    journal: dict[str, list[Mapping[str, Any]]] = {}
    for answer in books.rows(_JOURNAL, keys=sorted(by_key)) if by_key else ():
        journal.setdefault(answer["op_key"], []).append(answer)
    found = _judged(provider, exponents, by_key, journal)
    return [break_of(each, provider, now) for each in _named(books, found)]


def _named(books: Snapshot, found: list[CrossCheckFinding]) -> list[CrossCheckFinding]:
    """The same, told of the players as we know them; a handle nobody mapped is the player."""
    handles = sorted({each.row["player"] for each in found})
    rows = books.rows(_PLAYERS, handles=handles) if handles else ()
    players = {row["handle"]: row["player"] for row in rows}
    return [
        replace(each, row={**each.row, "player": players.get(told, told)})
        for each in found
        for told in (each.row["player"],)
    ]


def _judged(
    provider: str,
    exponents: Mapping[str, int],
    by_key: Mapping[str, list[tuple[Mapping[str, Any], Operation]]],
    journal: Mapping[str, list[Mapping[str, Any]]],
) -> list[CrossCheckFinding]:
    found = []
    for key, tries in by_key.items():
        row, fact = tries[-1]
        answers = journal.get(key)
        if answers is None:
            found.append(_missing(provider, row, fact, exponents))
        elif not any(_agree(each, answer) for each, _ in tries for answer in answers):
            found.append(_disputed(provider, row, fact, answers))
    return found


def _agree(logged: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether the log says what we answered; a log may keep less of the body than we sent."""
    if logged["response_code"] != answer["reply_status"]:
        return False
    said, sent = bytes(logged["response_body"]).strip(), bytes(answer["reply"]).strip()
    return sent.startswith(said)


def _row(logged: Mapping[str, Any], fact: Operation, provider: str) -> dict[str, Any]:
    return {
        "round_id": fact.round_id,
        "op_key": fact.key,
        "match_key": match_key(provider, fact.round_id),
        "player": fact.handle,
        "currency": _moved(fact).currency,
        "received_at": logged["attempted_at"],
    }


def _moved(fact: Operation) -> Money:
    """What the callback would have moved to the player; nothing where it names no amount."""
    match fact:
        case Bet():
            return Money(-fact.amount.minor, fact.amount.currency)
        case Win():
            return fact.amount
        case BetAndWin():
            return Money(fact.win.minor - fact.bet.minor, fact.win.currency)
        case _:
            amount = getattr(fact, "stake", None) or getattr(fact, "amount", None)
            currency = getattr(fact, "currency", "") if amount is None else amount.currency
            return Money(0, currency)


def _missing(
    provider: str, logged: Mapping[str, Any], fact: Operation, exponents: Mapping[str, int]
) -> CrossCheckFinding:
    moved = _moved(fact)
    exponent = exponent_of(moved.currency, exponents)

    def money(minor: int) -> str:
        return f"{text_from_minor(minor, exponent)} {moved.currency}"

    said = "as delivered" if logged["success"] else "as failed"
    return CrossCheckFinding(
        kind=BreakKind.DELIVERY_MISSING,
        row=_row(logged, fact, provider),
        subject=fact.key,
        difference=moved.minor,
        evidence=_logged(logged),
        explanation=f"{provider} logs the callback {fact.key} {said}, but it has never reached"
        f" us; if it stands, {owed(moved.minor, money)}.",
    )


def _disputed(
    provider: str,
    logged: Mapping[str, Any],
    fact: Operation,
    answers: list[Mapping[str, Any]],
) -> CrossCheckFinding:
    code = "no answer" if logged["response_code"] is None else logged["response_code"]
    sent = " and ".join(sorted({str(answer["reply_status"]) for answer in answers}))
    other = " and another body" if str(code) == sent else ""
    return CrossCheckFinding(
        kind=BreakKind.DELIVERY_DISPUTED,
        row=_row(logged, fact, provider),
        subject=fact.key,
        evidence={**_logged(logged), "operations": [fact.key]},
        explanation=f"{provider} logs {code} for the callback {fact.key}, but we answered it"
        f" with {sent}{other}; ask whether it stands.",
    )


def _logged(logged: Mapping[str, Any]) -> dict[str, Any]:
    return {"logged": [f"{logged['webhook_id']}/{logged['delivery_id']}"]}
