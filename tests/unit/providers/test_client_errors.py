"""The errors of the providers' APIs: families by which a caller decides, and what they tell."""

import pytest

from vocabulary.errors import (
    ApiError,
    ApiRefused,
    ApiUnavailable,
    ApiUnreadable,
    Refused,
    TieoutError,
    Unavailable,
)


@pytest.mark.parametrize("kind", [ApiUnavailable, ApiRefused, ApiUnreadable])
def test_every_api_error_tells_provider_endpoint_status_code_and_attempts(
    kind: type[ApiError],
) -> None:
    error = kind(
        "answered 404", provider="games", endpoint="GET /x", attempts=2, status=404, code="gone"
    )

    assert isinstance(error, TieoutError)
    assert str(error) == "games: GET /x: answered 404 (2 attempts)"
    assert vars(error) == {
        "provider": "games",
        "endpoint": "GET /x",
        "attempts": 2,
        "status": 404,
        "code": "gone",
    }


def test_only_an_outage_is_worth_the_same_work_later() -> None:
    assert issubclass(ApiUnavailable, Unavailable)
    assert not issubclass(ApiRefused, Unavailable)
    assert not issubclass(ApiUnreadable, Unavailable)


def test_a_refusal_by_a_provider_is_not_a_refusal_of_a_provider() -> None:
    """``Refused`` is what we answer a callback with; theirs must never be caught as ours."""
    assert not issubclass(ApiError, Refused)
