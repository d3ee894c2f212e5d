"""Verdicts and errors: closed sets that other rooms rely on."""

import pytest

from vocabulary.errors import (
    Contradiction,
    Malformed,
    NotAuthentic,
    Refused,
    SettingsInvalid,
    TieoutError,
    Unavailable,
)
from vocabulary.outcomes import AUTHENTIC, Verdict, refusal


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict.NOT_AUTHENTIC,
        Verdict.SIGNATURE_MISSING,
        Verdict.ADDRESS_REFUSED,
        Verdict.TOO_LARGE,
        Verdict.TOO_SLOW,
        Verdict.UNAVAILABLE,
    ],
)
def test_a_request_that_proved_nothing_is_no_evidence(verdict: Verdict) -> None:
    assert verdict not in AUTHENTIC


@pytest.mark.parametrize(
    "verdict", [Verdict.ACCEPTED, Verdict.CONFLICT, Verdict.MALFORMED, Verdict.PLAYER_UNKNOWN]
)
def test_a_request_that_held_its_signature_is_evidence(verdict: Verdict) -> None:
    assert verdict in AUTHENTIC


def test_a_refusal_names_neither_transaction_nor_balance() -> None:
    outcome = refusal(Verdict.MALFORMED, "/bet")

    assert (outcome.transaction_id, outcome.balance, outcome.turnover) == (None, None, None)
    assert outcome.route == "/bet"


def test_a_caller_can_decide_by_family() -> None:
    assert issubclass(NotAuthentic, Refused)
    assert issubclass(Malformed, Refused)
    assert not issubclass(Unavailable, Refused)
    assert not issubclass(Contradiction, Refused)
    assert all(issubclass(kind, TieoutError) for kind in (Refused, Unavailable, Contradiction))


def test_wrong_settings_are_told_all_at_once() -> None:
    error = SettingsInvalid(["a.toml: receiver.port: 1 to 65535", "a.toml: providers: one"])

    assert str(error).splitlines() == error.problems
