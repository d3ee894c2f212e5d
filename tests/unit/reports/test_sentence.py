"""The result in one sentence."""

from decimal import Decimal

import pytest

from reports.sentences import Result

_BREAKS = ("4 breaks", Decimal("-35.34"))
_TIMING = ("timing", Decimal("2.00"))


@pytest.mark.parametrize(
    ("difference", "parts", "residual", "sentence"),
    [
        (
            "-35.34",
            (_BREAKS,),
            "0.00",
            (
                "GGR of agg differs from ours by −35.34 USD;"
                " all of it in 4 breaks; unexplained"
                " 0.00 USD."
            ),
        ),
        ("0.00", (), "0.00", "GGR of agg agrees with ours: 990.10 USD; unexplained 0.00 USD."),
        (
            "-33.34",
            (_BREAKS, _TIMING),
            "0.00",
            (
                "GGR of agg differs from ours by −33.34 USD:"
                " −35.34 USD in 4 breaks, +2.00 USD in"
                " timing; unexplained 0.00 USD."
            ),
        ),
        (
            "-34.34",
            (_BREAKS,),
            "1.00",
            (
                "GGR of agg differs from ours by −34.34 USD:"
                " −35.34 USD in 4 breaks; unexplained"
                " 1.00 USD."
            ),
        ),
        (
            "0.00",
            (("2 breaks", Decimal("0.00")),),
            "0.00",
            (
                "GGR of agg differs from ours by 0.00 USD:"
                " 0.00 USD in 2 breaks; unexplained 0.00"
                " USD."
            ),
        ),
    ],
)
def test_a_result_is_one_sentence(
    difference: str, parts: tuple[tuple[str, Decimal], ...], residual: str, sentence: str
) -> None:
    result = Result(
        subject="agg",
        currency="USD",
        ours=Decimal("990.10"),
        difference=Decimal(difference),
        parts=parts,
        residual=Decimal(residual),
    )
    assert result.sentence() == sentence
