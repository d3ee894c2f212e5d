"""What the pages of single things compute: addresses, ids, the waterfall, sides of a round."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.addresses import address, fact_address, hit_address
from console.drawings.waterfall import STEPS, steps_of, waterfalls_of
from console.layout import section_of
from console.pages.finding import grouped, only_address
from console.pages.parameters import read_name, read_number, read_position
from console.pages.records.audit import object_address, read_filter
from console.pages.records.files import preview_of
from console.pages.records.rounds import RoundSums, balance_changes, sentence_of, sums_of
from console.pages.run_detail import flat
from console.rendering import id_parts
from console.replies import RequestRefused
from feeds.round_records import RoundRecord
from ledger.queries.round_parts import RoundOperation, RoundPart
from reports.find.hits import Findings, Hit
from reports.find.query import FoundKind, split_day
from tests.harness.books.ledger import NOON
from vocabulary.errors import Malformed


def part(**changes: Any) -> RoundPart:
    values: dict[str, Any] = {
        "wallet_id": 1,
        "player": "ann",
        "currency": "EUR",
        "stake": 100,
        "payout": 0,
        "bets": 1,
        "wins": 0,
        "rollbacks": 0,
        "status": "open",
        "clearing": 100,
        "declared_stake": None,
        "declared_payout": None,
        "first_at": NOON,
        "last_at": NOON,
    }
    return RoundPart(**{**values, **changes})


def record(**changes: Any) -> RoundRecord:
    values: dict[str, Any] = {
        "record_id": "r",
        "occurrence": 1,
        "handle": "ann",
        "currency": "EUR",
        "stake": 100,
        "payout": 0,
        "rolled_back": False,
        "withdrawn": False,
        "balance_before": None,
        "balance_after": None,
        "game": None,
        "source": "push",
        "created_at": NOON,
        "updated_at": NOON,
        "received_at": NOON,
    }
    return RoundRecord(**{**values, **changes})


def hit(kind: FoundKind, name: str, *, exact: bool = True, facts: Any = None) -> Hit:
    return Hit(
        kind=kind, id=name, provider="lottery", summary="", facts=facts or {}, exact=exact
    )


def findings(*hits: Hit, cut: bool = False) -> Findings:
    return Findings(query="q", searched=(), hits=hits, cut=cut)


@given(st.text(min_size=1).filter(lambda text: text not in {".", ".."}))
def test_an_address_holds_any_id_as_one_part(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    path = address("rounds", "lottery", name)

    assert path.count("/") == 3
    assert unquote(path.rpartition("/")[2]) == name


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_id_that_no_path_can_hold_leads_to_its_search(name: str) -> None:
    assert address("rounds", "lottery", name).startswith("/find?q=")


@given(st.text())
def test_the_parts_of_an_id_are_the_whole_id(name: str) -> None:
    assert "".join(id_parts(name)) == name


def test_a_round_and_its_record_are_one_page_and_two_rounds_are_none() -> None:
    round_, of_it = (
        hit(FoundKind.ROUND, "r1"),
        hit(FoundKind.RECORD, "x", facts={"round": "r1"}),
    )
    other = hit(FoundKind.ROUND, "r2")

    assert only_address(findings(round_, of_it)) == "/rounds/lottery/r1"
    assert only_address(findings(round_, other)) == ""
    assert only_address(findings(round_, cut=True)) == ""
    assert only_address(findings(hit(FoundKind.ROUND, "r1", exact=False))) == ""
    assert only_address(findings()) == ""


def test_hits_are_grouped_by_kind_and_a_kind_without_a_page_has_no_address() -> None:
    logged = hit(FoundKind.LOGGED, "hook/1")
    groups = grouped([hit(FoundKind.PLAYER, "ann"), logged, hit(FoundKind.PLAYER, "bob")])

    assert [(group.kind, len(group.hits)) for group in groups] == [
        (FoundKind.PLAYER, 2),
        (FoundKind.LOGGED, 1),
    ]
    assert hit_address(logged) == ""
    facts = {"player": "ann", "round": "r1", "run": "run-1", "batch": "7", "who": "x"}
    assert [fact_address(hit(FoundKind.BREAK, "b", facts=facts), name) for name in facts] == [
        *("/players/ann", "/rounds/lottery/r1", "/runs/run-1", "/batches/7", ""),
    ]
    assert hit_address(hit(FoundKind.ADJUSTMENT, "adj", facts={"break": "none"})) == ""


def test_what_is_about_money_or_a_feed_leads_to_its_page() -> None:
    assert hit_address(hit(FoundKind.INVOICE, "inv-1")) == "/invoices/inv-1"
    assert hit_address(hit(FoundKind.DISPUTE, "dsp-1")) == "/disputes/dsp-1"
    assert hit_address(hit(FoundKind.FINDING, "fnd-1")) == "/feeds/lottery"
    of_file = hit(FoundKind.FINDING, "fnd-1", facts={"stored file": "7"})
    assert (hit_address(of_file), fact_address(of_file, "stored file")) == ("/files/7",) * 2


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/", "/"),
        ("/breaks/brk-1", "/breaks"),
        ("/trends", "/totals"),
        ("/invoices/inv-1", "/totals"),
        ("/files/1", "/feeds"),
        ("/settings/notifications", "/ops"),
        ("/settings", ""),
    ],
)
def test_a_page_marks_its_section(path: str, section: str) -> None:
    assert section_of(path) == section


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.00 EUR 2026-06-04", ("10.00 EUR", "2026-06-04")),
        ("EUR -3 2026-06-04", ("EUR -3", "2026-06-04")),
        ("round 2026-06-04", ("round 2026-06-04", None)),
        ("2026-06-04", ("2026-06-04", None)),
        ("10.00 EUR", ("10.00 EUR", None)),
    ],
)
def test_a_day_behind_an_amount_is_the_day_to_search(
    text: str, expected: tuple[str, str | None]
) -> None:
    words, day = split_day(text)

    assert (words, day and day.isoformat()) == expected


@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=6, max_size=6)
)
def test_a_waterfall_of_conserved_tallies_ends_at_zero(amounts: list[tuple[int, int]]) -> None:
    outside, undone, *buckets = amounts
    read = [
        sum(each[side] for each in buckets) - outside[side] + undone[side] for side in (0, 1)
    ]
    side = {
        name: {"rows": 1, "totals_minor": {"EUR": {"stake": str(s), "payout": str(p)}}}
        for (name, _, _), (s, p) in zip(STEPS, [tuple(read), *amounts], strict=True)
    }
    steps = steps_of(side, "EUR")
    (drawing,) = waterfalls_of({"ours": side, "theirs": side})

    assert steps[-1].after == 0
    assert all(step.change == step.stake - step.payout for step in steps)
    assert [each.rest for each in drawing.sides] == [0, 0]
    for each in drawing.sides:
        assert all(each.top <= bar.y <= each.top + 150 for bar in each.bars)


def test_a_manifest_without_amounts_has_no_waterfall() -> None:
    assert waterfalls_of({}) == []
    assert waterfalls_of({"ours": {"source": {"rows": 0, "totals_minor": {}}}}) == []


def test_withdrawn_and_rolled_back_records_do_not_count_in_the_sums() -> None:
    records = [record(), record(stake=50, withdrawn=True), record(stake=30, rolled_back=True)]

    assert sums_of([part()], records) == [
        RoundSums(currency="EUR", ours=(100, 0), theirs=(100, 0))
    ]
    assert sums_of([], [record(payout=250)])[0].difference == 150


@pytest.mark.parametrize(
    ("parts", "records", "answer"),
    [
        (
            [part()],
            [record()],
            "Both sides have this round with the same amounts, with no breaks.",
        ),
        ([part()], [record(payout=1)], "Both sides have this round with different amounts"),
        ([part()], [], "Only our ledger has this round"),
        ([], [record()], "Only the provider's history has this round"),
        ([], [record(withdrawn=True)], "Neither side has this round any more"),
    ],
)
def test_a_round_is_answered_in_a_sentence(
    parts: list[RoundPart], records: list[RoundRecord], answer: str
) -> None:
    assert sentence_of(parts, records, sums_of(parts, records), 0).startswith(answer)


def test_balances_follow_the_chain_and_not_the_order_of_arrival() -> None:
    def operation(seq: int, amount: int, after: int, second: int) -> RoundOperation:
        return RoundOperation(
            transaction=f"txn-1-{seq}",
            wallet_seq=seq,
            op_key="k",
            kind="bet",
            batch_id=1,
            decision="accepted",
            reason=None,
            player="ann",
            currency="EUR",
            amount=amount,
            balance_after=after,
            reply_status=200,
            received_at=NOON + timedelta(seconds=second),
            entries=(),
        )

    (change,) = balance_changes([operation(2, 250, 1150, 0), operation(1, -100, 900, 1)])

    assert (change.before, change.after) == (1000, 1150)


@pytest.mark.parametrize("text", ["", "a\0b", "x" * 256, "\ud800"])
def test_what_can_be_no_name_is_not_found(text: str) -> None:
    with pytest.raises(RequestRefused, match="Searched for the player"):
        read_name("player", text)


@pytest.mark.parametrize("text", ["-1", "1.5", "²", "9" * 19, "one"])
def test_what_can_be_no_number_is_not_found(text: str) -> None:
    with pytest.raises(RequestRefused, match="Searched for the batch"):
        read_number("batch", text)
    with pytest.raises(Malformed, match="the link to another page"):
        read_position("before", text)


@pytest.mark.parametrize(
    "query", [{"day": "yesterday"}, {"before": "x"}, {"before": "2026-06-04T00:00:00/1"}]
)
def test_a_filter_of_the_trail_that_cannot_be_read_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="expected"):
        read_filter(query)


def test_objects_of_the_trail_lead_to_their_pages() -> None:
    assert object_address("day lottery 2026-06-04") == "/days/lottery/2026-06-04"
    assert object_address("person ann") == "/people"
    assert object_address("brk-1") == "/find?q=brk-1"


def test_a_preview_shows_text_and_no_workbook() -> None:
    assert preview_of(b"a;b\r\n\xff\n") == [b"a;b", b"\xff"]
    assert preview_of(b"PK\x03\x04rest") is None
    assert preview_of(b"a\0b") is None
    assert preview_of(b"") == []


def test_a_document_is_listed_leaf_by_leaf() -> None:
    assert list(flat("", {"a": {"b": [1, {}]}, "c": None})) == [
        ("a.b.1", "1"),
        ("a.b.2", "none"),
        ("c", "none"),
    ]
