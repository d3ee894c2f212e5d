"""What a kind of job is: its arguments, the right that it needs, and what runs it."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from vocabulary.errors import Malformed
from vocabulary.people import Right


class JobArguments(BaseModel):
    """The arguments of a kind; an argument that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def title(self) -> str:
        """What the job does, as a person reads it; at most one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job.

    Attributes:
        name: a thing and what is done to it, such as ``day.sweep``.
        right: what a person needs to request it, and still has when it runs.
        arguments: validates the arguments.
        run: the function that does it, as ``module:name``; only the child process imports it.
        heavy: whether it waits for other heavy jobs.
        files_max: most files that a request may have.
        timeout: after this time it is given up.
        files_right: what a person needs to download its files.
    """

    name: str
    right: Right
    arguments: type[JobArguments]
    run: str
    heavy: bool = False
    files_max: int = 0
    timeout: timedelta = timedelta(hours=1)
    files_right: Right = Right.READ

    def read(self, arguments: Mapping[str, Any]) -> JobArguments:
        """The arguments as the model's values.

        Raises:
            Malformed: names the first argument that is wrong, and what is expected.
        """
        try:
            return self.arguments.model_validate(arguments)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or self.name
            reason = str(first["msg"]).removeprefix("Value error, ")
            raise Malformed(place, reason) from error
