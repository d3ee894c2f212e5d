"""The settings of a demonstration: one provider of every system that can be simulated."""

from ops.settings.model import Settings
from providers.registry import DIALECTS
from simulator.protocol.system import System
from simulator.systems.registry import SYSTEMS


def demo_settings(*, own_ids: bool = False) -> Settings:
    """One provider of each system, with a well-known secret.

    With ``own_ids`` the histories that can have ids of their own do not name our rounds.
    """
    providers = [
        {
            "slug": name,
            "dialect": name,
            "currency": "USD",
            "secrets": [f"literal:{_secret_of(system)}"],
            "options": dict(system.own_ids) if own_ids else {},
        }
        for name, system in SYSTEMS.items()
        if name in DIALECTS
    ]
    return Settings.model_validate(
        {"mode": "demo", "providers": providers}, context={"mode": "demo"}
    )


def _secret_of(system: System) -> str:
    return system.secret_of(f"demo-{system.name}-secret".encode()).decode()
