"""What a worker needs to do any job, passed in once by the process that starts it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from providers.contract import Provider
from providers.dialect import Dialect
from vocabulary.clock import Clock


def _held_by_nothing(_queue: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """The database, the clock, and every configured provider with its dialect, by slug.

    Attributes:
        worker: who works here, as operators see it.
        hold: asked with a queue between two pieces of its work: why to put it down, or None.
    """

    engine: Engine
    clock: Clock
    providers: Mapping[str, tuple[Dialect, Provider]]
    worker: str = ""
    hold: Callable[[str], str | None] = _held_by_nothing
