"""Every setting in force as a line, with where it comes from and without secrets."""

import json
from collections.abc import Mapping
from pathlib import Path

from console.config import SettingLine
from ops.settings.loader import origins
from ops.settings.model import Settings
from ops.settings.redaction import leaves, without_secrets


def setting_lines(
    settings: Settings, config: Path | None, environ: Mapping[str, str]
) -> tuple[SettingLine, ...]:
    """The settings in force, in the order of the model.

    Args:
        settings: in force.
        config: the settings file of ``--config``, or None.
        environ: the environment that they were loaded with.
    """
    origin_of = origins(config, environ)
    return tuple(
        SettingLine(key=name, value=json.dumps(value, default=str), source=origin_of(path))
        for name, path, value in leaves(without_secrets(settings))
    )
