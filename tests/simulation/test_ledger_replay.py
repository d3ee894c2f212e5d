"""Seeded days of mischief, replayed from their bytes: the shadow equals the ledger."""

import pytest

from ledger.posting import drain
from tests.harness.evidence import replayed
from tests.harness.traffic import an_hour, voices


@pytest.mark.parametrize("seed", [1, 2])
def test_an_hour_replayed_from_its_bytes_equals_the_books(database: str, seed: int) -> None:
    an_hour(database, seed=seed, callbacks=1500, players=30)
    drain(database)

    seen = replayed(database, voices())

    assert seen.differences == []
    assert seen.differing == 0
    assert seen.unverifiable == 0
    assert seen.decided > 500
    assert seen.deliveries > 10
