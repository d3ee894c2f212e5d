"""``tieout backup``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group({"check": "ops.commands.backup.checking:check"})
