"""Arguments that several kinds of jobs share."""

from datetime import date
from typing import Self

from pydantic import model_validator

from storage.jobs.kinds import JobArguments


class SpanArguments(JobArguments):
    """Business days from the first to the last; both are included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("the first day comes first")
        return self
