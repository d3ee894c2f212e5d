"""Settings as a user writes them: one provider and its statement, in TOML."""

import json
from collections.abc import Mapping

_HEAD = """mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "{slug}"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
exponents = {{ BTC = 8 }}
"""
NOWHERE = "postgresql://tieout@/tieout?host=/nonexistent"


def settings_text(
    settings: Mapping[str, object], *, database: str = NOWHERE, slug: str = "book"
) -> str:
    """The text of ``tieout.toml`` with these settings of the statement."""
    lines = "".join(f"{key} = {_toml(value)}\n" for key, value in settings.items())
    return f"{_HEAD.format(database=database, slug=slug)}[providers.statement]\n{lines}"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{{pairs}}}"
    # Texts, numbers and lists of JSON are TOML's, too.
    return json.dumps(value)
