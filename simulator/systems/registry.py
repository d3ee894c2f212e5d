"""Every system: each folder of this package, by the name of its dialect."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from simulator import systems
from simulator.protocol.system import System


def _systems() -> dict[str, System]:
    """The systems by name, sorted."""
    names = sorted(module.name for module in iter_modules(systems.__path__) if module.ispkg)
    by_name = {name: import_module(f"{systems.__name__}.{name}").SYSTEM for name in names}
    for name, system in by_name.items():
        assert isinstance(system, System), name
        assert system.name == name, f"{name}: a system has the name of its folder"
    return by_name


SYSTEMS: Mapping[str, System] = _systems()
