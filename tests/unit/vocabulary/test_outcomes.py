"""Verdicts and errors: closed sets that other packages rely on."""

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
def test_an_unauthenticated_request_is_no_evidence(verdict: Verdict) -> None:
    assert verdict not in AUTHENTIC


@pytest.mark.parametrize(
    "verdict", [Verdict.ACCEPTED, Verdict.CONFLICT, Verdict.MALFORMED, Verdict.PLAYER_UNKNOWN]
)
def test_an_authentic_request_is_evidence(verdict: Verdict) -> None:
    assert verdict in AUTHENTIC


def test_a_refusal_names_neither_transaction_nor_balance() -> None:
    outcome = refusal(Verdict.MALFORMED, "/bet")

    assert (outcome.transaction_id, outcome.balance, outcome.turnover) == (None, None, None)
    assert outcome.route == "/bet"


def test_callers_can_decide_by_error_class() -> None:
    assert issubclass(NotAuthentic, Refused)
    assert issubclass(Malformed, Refused)
    assert not issubclass(Unavailable, Refused)
    assert not issubclass(Contradiction, Refused)
    assert all(issubclass(kind, TieoutError) for kind in (Refused, Unavailable, Contradiction))


def test_all_settings_problems_are_reported_at_once() -> None:
    error = SettingsInvalid(["a.toml: receiver.port: 1 to 65535", "a.toml: providers: one"])

    assert str(error).splitlines() == error.problems
