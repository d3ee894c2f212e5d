"""Verdicts and errors: closed sets that other packages rely on."""

from vocabulary.errors import (
    Contradiction,
    Malformed,
    NotAuthentic,
    Refused,
    SettingsInvalid,
    TieoutError,
    Unavailable,
)
from vocabulary.outcomes import Verdict, refusal


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
