"""Match keys never change, and a transaction id names its position in the chain."""

import pytest

from vocabulary.ids import chain_position, match_key, transaction_id


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
        "txn-1-2-3",
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
        chain_position(text)


def test_a_transaction_id_is_parsed_into_wallet_and_position() -> None:
    assert transaction_id(7, 42) == "txn-7-42"
    assert chain_position("txn-7-42") == (7, 42)
