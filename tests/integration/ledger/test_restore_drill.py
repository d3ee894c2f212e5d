"""A database is restored to an instant, and what was acknowledged since is booked again."""

from pathlib import Path
from typing import Any

from tests.harness.drill.restore_drill import RestoreDrill


def test_what_a_restore_lost_is_recovered_from_the_log_and_the_history(
    tmp_path: Path, postgres: Any, database: str
) -> None:
    result = RestoreDrill(postgres.home, database, tmp_path, batch=3).run()

    assert (result.lost, result.recovered) == (6, 6)
    assert (result.still_lost, result.doubled, result.reissued) == (0, 0, 0)
    assert result.changed_answers == 0
    assert (result.differences, result.wrong_balances) == (0, 0)
    assert result.is_clean, result.proofs
