"""Match keys never change, and a transaction id names its position in the chain."""

import pytest

from vocabulary.ids import match_key, transaction_id, transaction_position


@pytest.mark.parametrize(
    ("provider", "round_id", "key"),
    [
        ("aggregator", "65f1c0ffee", 4236146708105902252),
        ("sportsbook", "txn-1", -7641329057728415412),
        ("sportsbook", "", -2518877732031276419),
        ("sportsbook", "раунд", 1263651977262668211),
    ],
)
def test_the_match_key_of_a_round_never_changes(provider: str, round_id: str, key: int) -> None:
    """It is stored with every round and feed record: a change would break their matches."""
    assert match_key(provider, round_id) == key


def test_the_match_key_separates_provider_and_round() -> None:
    assert match_key("a", "bc") != match_key("ab", "c")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "txn-1",
        "txn-1-",
        "txn--1-2",
        "txn-1-2-0",
        "txn-1-2-03",
        "txn-1-2-3-4",
        "txn-1-2-",
        "TXN-1-2",
        " txn-1-2",
        "txn-1-2\n",
        "txn-١-2",
        "txn-1_0-2",
        "txn-" + "9" * 19 + "-1",
    ],
)
def test_a_text_that_is_no_transaction_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="txn-<wallet>-<seq>"):
        transaction_position(text)


def test_a_transaction_id_is_parsed_into_wallet_and_position() -> None:
    assert transaction_id(7, 42) == "txn-7-42"
    assert transaction_position("txn-7-42") == (7, 42, 0)


def test_ids_of_before_any_restore_are_as_they_always_were() -> None:
    assert transaction_id(7, 42, 0) == transaction_id(7, 42) == "txn-7-42"


def test_an_id_of_after_a_restore_carries_its_epoch() -> None:
    assert transaction_id(7, 42, 1764403200) == "txn-7-42-1764403200"
    assert transaction_position("txn-7-42-1764403200") == (7, 42, 1764403200)
