"""Every dialect's voice: the ``SPEAKER`` of each module of ``tests.harness.dialects``."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from tests.harness import dialects
from tests.harness.providers.speaker import Speaker

_NAMES = sorted(module.name for module in iter_modules(dialects.__path__))
SPEAKERS: Mapping[str, Speaker] = {
    name: import_module(f"{dialects.__name__}.{name}").SPEAKER for name in _NAMES
}
