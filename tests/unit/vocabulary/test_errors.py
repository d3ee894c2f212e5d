"""Errors cross the border of a process unchanged."""

import pickle

import pytest

from vocabulary.errors import (
    ApiUnavailable,
    Malformed,
    NotAuthentic,
    SettingsInvalid,
    TieoutError,
    Unavailable,
)


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("the database is out of reach"),
        NotAuthentic("a wrong signature"),
        Malformed("balance", "a number"),
        SettingsInvalid(["mode: unknown", "port: a number"]),
        ApiUnavailable("no reply", provider="p", endpoint="GET /games", attempts=2, status=503),
    ],
)
def test_an_error_is_the_same_after_pickling(error: TieoutError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))
