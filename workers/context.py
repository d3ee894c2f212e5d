"""What jobs work on; built once by the process that runs them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from providers.contract import Provider
from providers.dialect import Dialect
from vocabulary.clock import Clock


def _never_paused(_queue: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """The database, the clock, and all configured providers with their dialects, by slug.

    Attributes:
        worker: the name of the worker process that operators see.
        pause_reason: given a queue, why its work must stop now, or None; called between two
            pieces of work.
    """

    engine: Engine
    clock: Clock
    providers: Mapping[str, tuple[Dialect, Provider]]
    worker: str = ""
    pause_reason: Callable[[str], str | None] = _never_paused
