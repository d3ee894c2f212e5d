"""What a worker needs to do any job, passed in once by the process that starts it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from providers.contract import Dialect, Provider
from vocabulary.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The database, the clock, and every configured provider with its dialect, by slug."""

    engine: Engine
    clock: Clock
    providers: Mapping[str, tuple[Dialect, Provider]]
