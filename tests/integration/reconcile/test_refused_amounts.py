"""A break leads to the delivery whose other amount was refused."""

from collections.abc import Callable

from breaks.kinds import BreakKind
from tests.harness.books.delivered import transaction
from tests.integration.reconcile.test_partial_rollbacks import Play, opened

__all__ = ["opened"]


def test_a_break_of_a_changed_result_names_the_refused_delivery(
    opened: Callable[[str], Play],
) -> None:
    play = opened("original")
    play.send(
        "sport",
        transaction("42", "w1", action="result", amount='"10.00"'),
        transaction("42", "w1", action="result", amount='"25.00"'),
    )
    play.state("w1,result,42,USD,25.00,")

    (break_,) = play.run("sport").breaks

    assert (break_.kind, break_.difference) == (BreakKind.PAYOUT, 1500)
    assert break_.evidence["operations"] == ["w1"]
    (delivery,) = break_.evidence["refused"]
    assert b'"25.00"' in play.body_of(delivery)
