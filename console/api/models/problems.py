"""Errors as the API answers them (RFC 9457)."""

from pydantic import Field

from console.api.models.values import ApiModel

PROBLEM_TYPE = "application/problem+json"


class ProblemPart(ApiModel):
    """One part of a request that is wrong."""

    place: str = Field(description="The name of the parameter, or the path within the body.")
    detail: str = Field(description="What is expected there.")


class Problem(ApiModel):
    """Why a request was refused or failed."""

    type: str = Field(description="Where this status is explained.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    error_id: str = Field(description="Stands in the log of the console, too.")
    errors: tuple[ProblemPart, ...] = ()
