"""A first reply says what was decided, whatever the position and the balance were."""

import json

import pytest
from msgspec import structs

from ledger.accepting.first_replies import keep_reply, recovery_of, says, with_recovery
from tests.harness.books.ledger import bet, request
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict, refusal


def respond(outcome: Outcome) -> CallbackReply:
    if outcome.verdict is not Verdict.ACCEPTED:
        return CallbackReply(200, b'{"ok":false,"code":[7,"funds"]}')
    assert outcome.balance is not None
    document = {
        "ok": True,
        "id": outcome.transaction_id,
        "left": [outcome.balance.minor, "EUR"],
    }
    return CallbackReply(200, json.dumps(document).encode())


REQUEST = structs.replace(request(bet("b1", 300)), respond=respond)
DECLINED = refusal(Verdict.DECLINED_FUNDS, "")
ACCEPTED = structs.replace(
    DECLINED, verdict=Verdict.ACCEPTED, transaction_id="txn-1-9", balance=Money(5, "EUR")
)


@pytest.mark.parametrize(
    ("reply", "accepts", "declines"),
    [
        ('{"ok": true, "id": "txn-7-7", "left": [12, "EUR"]}', True, False),
        ('{"ok": true, "id": "txn-7-7", "left": [12.5, "EUR"]}', True, False),
        ('{"ok": true, "id": 7, "left": [12, "EUR"]}', False, False),
        ('{"ok": 1, "id": "txn-7-7", "left": [12, "EUR"]}', False, False),
        ('{"ok": true, "id": "txn-7-7", "left": [12, "USD"]}', False, False),
        ('{"ok": true, "id": "txn-7-7", "left": [12]}', False, False),
        ('{"ok": true, "id": "txn-7-7"}', False, False),
        ('{"ok":false,"code":[7,"funds"]}', False, True),
        ('{"ok":false,"code":[8,"funds"]}', False, False),
        ("no JSON", False, False),
    ],
)
def test_only_position_and_balance_may_differ(
    reply: str, accepts: bool, declines: bool
) -> None:
    first = CallbackReply(200, reply.encode())

    assert says(first, ACCEPTED, REQUEST) is accepts
    assert says(first, DECLINED, REQUEST) is declines
    assert not says(structs.replace(first, status=500), ACCEPTED, REQUEST)
    answer = keep_reply(REQUEST, first).respond(ACCEPTED)
    assert answer == (first if accepts else respond(ACCEPTED))


def test_the_last_line_of_the_headers_names_the_recovery() -> None:
    assert with_recovery("", "rec-1") == "tieout-recovered: rec-1"
    assert recovery_of(with_recovery("content-type: text/plain", "rec-1")) == "rec-1"
    again = with_recovery(with_recovery("", "rec-1"), "rec-2")
    assert recovery_of(again) == "rec-2"
    assert recovery_of("content-type: text/plain") is None
    assert recovery_of("") is None
