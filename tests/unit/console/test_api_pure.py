"""The parts of the API without a database: its document, rate limit, limits of tokens."""

import json
import re

import pytest

from console.accounts.api_tokens import SCOPES
from console.api.endpoint import Write
from console.api.endpoints import ENDPOINTS
from console.api.models.values import money_of_text
from console.api.openapi import openapi_document
from console.api.problems import RequestProblem
from console.api.rates import RateLimit
from vocabulary.money import MINOR_MAX
from vocabulary.people import Person, Right, Role


def test_a_bucket_fills_evenly_and_belongs_to_one_sender() -> None:
    clock = [0.0]
    rates = RateLimit(60, lambda: clock[0])
    for _ in range(60):
        rates.take("one")
    with pytest.raises(RequestProblem, match="At most 60 requests a minute") as refused:
        rates.take("one")
    rates.take("two")
    clock[0] += 1.0
    rates.take("one")

    assert refused.value.headers == {"Retry-After": "1"}
    with pytest.raises(RequestProblem, match="Wait 1 seconds"):
        rates.take("one")


@pytest.mark.parametrize("many", [3, 100])  # a hundred are beyond 64 bits
def test_sums_of_runs_may_be_larger_than_any_amount(many: int) -> None:
    total = money_of_text(f"{many}000000000.00000000", "BTC", {"BTC": 8})

    assert total is not None
    assert total.minor == many * MINOR_MAX
    assert money_of_text("none", "BTC", {"BTC": 8}) is None


def test_every_reference_of_the_document_resolves_and_no_number_is_a_float() -> None:
    text = json.dumps(openapi_document(ENDPOINTS, version="1"))
    document = json.loads(text)
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', text):
        target = document
        for part in reference.split("/"):
            target = target[part]

    assert '"type": "number"' not in text
    assert "Json" not in text
    assert text == json.dumps(openapi_document(ENDPOINTS, version="1"))


def test_operations_have_ids_of_their_own_and_writes_need_a_right() -> None:
    document = openapi_document(ENDPOINTS, version="1")
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]

    assert len(ids) == len(set(ids)) == len(ENDPOINTS)
    assert all(endpoint.right is not None for endpoint in ENDPOINTS)


def test_the_api_acts_on_breaks_as_their_page_does() -> None:
    offered = {each.path for each in ENDPOINTS if isinstance(each, Write)}
    names = "comment assign explain wait propose approve reject reopen".split()

    assert {f"/breaks/{{id}}/{name}" for name in names} <= offered


def test_a_limited_person_may_do_only_what_roles_and_limits_both_allow() -> None:
    limits = frozenset({Right.READ, Right.MANAGE_PEOPLE})
    person = Person(
        person_id=1,
        name="maria",
        display_name="Maria",
        roles=frozenset({Role.FINANCE}),
        limited_to=limits,
    )

    assert person.rights == {Right.READ}
    assert not person.may(Right.MANAGE_PEOPLE)
    assert set(SCOPES.values()) == set(Right)
