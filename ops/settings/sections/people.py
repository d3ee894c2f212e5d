"""Settings of people."""

from ops.settings.values import Section


class PeopleSettings(Section):
    """How a person is told from others on the command line.

    Attributes:
        token_file: the file with the personal token of whoever runs commands; the variable
            TIEOUT_TOKEN comes first. Empty: the operating-system user says who it is.
    """

    token_file: str = ""
