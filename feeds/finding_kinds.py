"""The kinds of findings; without the database, for the process that only reads files."""

from enum import StrEnum


class FindingKind(StrEnum):
    """What can be wrong with a feed; a closed set."""

    UNPARSABLE_RECORD = "unparsable_record"
    WRONG_COLUMNS = "wrong_columns"
    NOT_A_STATEMENT = "not_a_statement"
    EMPTY_FILE = "empty_file"
    TRUNCATED_FILE = "truncated_file"
    WRONG_ENCODING = "wrong_encoding"
    LIMIT_EXCEEDED = "limit_exceeded"
    IMPORT_UNFINISHED = "import_unfinished"
    TWO_FILES_FOR_ONE_DAY = "two_files_for_one_day"
    DUPLICATED_KEY = "duplicated_key"
    MIXED_CURRENCIES = "mixed_currencies"
    FEED_GAP = "feed_gap"
    DUPLICATE_PAGE = "duplicate_page"
    PULL_FAILED = "pull_failed"
    LATE_RECORD = "late_record"
    ARCHIVED_RECORD = "archived_record"
    RESTATED_AFTER_CLOSE = "restated_after_close"
    WITHDRAWN_RECORD = "withdrawn_record"
    NOT_TOLD_AGAIN = "not_told_again"
    SHORTER_FILE = "shorter_file"
    CHANGED_RECORD = "changed_record"
    WRONG_DAY = "wrong_day"
    READ_ANEW = "read_anew"
    UNREADABLE_CALLBACK = "unreadable_callback"
