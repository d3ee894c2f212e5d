"""Every dialect: each folder of this package whose ``__init__`` holds a ``DIALECT``."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

import providers
from providers.dialect import Dialect


def _dialects() -> dict[str, Dialect]:
    """The dialects by name, sorted."""
    names = sorted(module.name for module in iter_modules(providers.__path__) if module.ispkg)
    folders = {name: import_module(f"{providers.__name__}.{name}") for name in names}
    dialects = {
        name: folder.DIALECT for name, folder in folders.items() if hasattr(folder, "DIALECT")
    }
    for name, dialect in dialects.items():
        assert isinstance(dialect, Dialect), name
        assert dialect.name == name, f"{name}: a dialect has the name of its folder"
    return dialects


DIALECTS: Mapping[str, Dialect] = _dialects()
