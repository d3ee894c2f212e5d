"""What the columns of a provider's statement files are called."""

from collections.abc import Mapping

from pydantic import Field

from ops.settings_values import Section, WrongParts


class StatementSettings(Section):
    """The provider's statement files.

    Attributes:
        columns: our name of a field to the name of its column; those left out are called as
            the dialect calls them.
    """

    columns: Mapping[str, str] = Field(default_factory=dict)


def fields_of(dialect: str) -> tuple[str, ...]:
    """Our names of the columns of a dialect's statement; none where it has no columns."""
    from providers.agent_platform import feed as agent_platform  # noqa: PLC0415 - for few
    from providers.sportsbook import feed as sportsbook  # noqa: PLC0415 - for few

    fields = {"agent_platform": agent_platform.COLUMNS, "sportsbook": sportsbook.COLUMNS}
    return fields.get(dialect, ())


def checked_columns(statement: StatementSettings, dialect: str) -> StatementSettings:
    """The settings, if their fields are those of this dialect's statement.

    Raises:
        WrongParts: a field the dialect does not know, or a column that cannot be told apart.
    """
    if not statement.columns:
        return statement
    known = fields_of(dialect)
    columns = list(statement.columns.values())
    wrong = []
    for name, column in statement.columns.items():
        if name not in known:
            expected = f"a field of this dialect's statement ({', '.join(known) or 'none'})"
        elif column.strip() != column or not column:
            expected = "a column's name, without blanks around it"
        elif columns.count(column) > 1:
            expected = "a column that no other field is read from"
        else:
            continue
        wrong.append((f"columns.{name}", expected))
    if wrong:
        raise WrongParts(wrong)
    return statement
