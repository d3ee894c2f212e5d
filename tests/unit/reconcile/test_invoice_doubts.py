"""Why an invoice is not clean, in words that are true."""

import pytest

from reconcile.invoices.register.states import CheckSummary


@pytest.mark.parametrize(
    ("ours", "ties", "unposted", "doubts"),
    [
        ("10.00", True, 0, ""),
        ("9.00", False, 0, "it claims 10.00, we compute 9.00"),
        ("10.00", False, 0, "it claims 10.00 as we compute, but for other lines"),
        ("10.00", False, 1, "1 accepted batch is not posted yet"),
        (
            "9.00",
            False,
            2,
            "it claims 10.00, we compute 9.00; 2 accepted batches are not posted yet",
        ),
    ],
)
def test_what_is_wrong_with_an_invoice_is_named(
    ours: str, ties: bool, unposted: int, doubts: str
) -> None:
    summary = CheckSummary(
        claimed="10.00",
        ours=ours,
        difference="0.00",
        by_ggr="0.00",
        by_terms="0.00",
        ties=ties,
        unsigned={},
        unposted=unposted,
    )

    assert (summary.doubts, summary.is_clean) == (doubts, not doubts)
