"""Bugs to plant in reading statement files; each is one that a reader could have."""

from tests.simulation.plants import Plant

PLANTS: tuple[Plant, ...] = (
    Plant(
        "an_offset_is_dropped",
        "vocabulary.instants",
        "local.replace(tzinfo=offset_from_text(zone))",
        "local.replace(tzinfo=UTC)",
    ),
    Plant(
        "thousands_are_cut_at_their_mark",
        "feeds.statements.reading.values.amounts",
        'whole = "".join(filter(str.isdigit, match["whole"]))',
        'whole = re.findall("[0-9]+", match["whole"])[0]',
    ),
    Plant(
        "lines_are_read_instead_of_records",
        "feeds.statements.reading.csv_records",
        "cells = next(self._parser)",
        "cells = next(csv.reader([next(lines)], delimiter=self._rules.delimiter))",
    ),
    Plant(
        "lines_after_the_totals_are_taken",
        "feeds.statements.reading.reader",
        "elif totals.has_ended:",
        "elif totals.has_ended and not row.cells:",
    ),
    Plant(
        "the_last_record_is_dropped",
        "feeds.statements.reading.reader",
        "yield from self._records(table, meter, for_stage=for_stage)",
        "yield from list(self._records(table, meter, for_stage=for_stage))[:-1]",
    ),
    Plant(
        "a_repeated_line_is_dropped",
        "feeds.statements.reading.reader",
        "yield from self._records(table, meter, for_stage=for_stage)",
        "yield from dict.fromkeys(self._records(table, meter, for_stage=for_stage))",
    ),
    Plant(
        "a_hidden_character_is_swallowed",
        "feeds.statements.reading.values.ids",
        "if not text.isprintable():",
        'text = "".join(filter(str.isprintable, text))\n    if not text:',
    ),
    Plant(
        "smallest_units_are_read_as_whole_ones",
        "feeds.statements.reading.values.row",
        "if self._rules.unit is AmountUnit.MAJOR:\n            return amount",
        "if amount:\n            return amount",
    ),
    Plant(
        "day_and_month_are_swapped_where_they_can_be",
        "feeds.statements.reading.values.date_pattern",
        'return date(year, month, int(values["d"]))',
        'return date(year, *sorted((month, int(values["d"]))))',
    ),
    Plant(
        "a_row_number_that_repeats_is_ignored",
        "feeds.statements.reading.workbook.sheet",
        "if self._line <= self._last:",
        "if self._line < 0:",
    ),
    Plant(
        "bytes_of_another_encoding_are_replaced",
        "feeds.statements.reading.text_lines",
        'errors = "surrogateescape" if',
        'errors = "replace" if',
    ),
    Plant(
        "mojibake_is_believed",
        "feeds.statements.reading.text_lines",
        "if not is_misread_utf_8(text, self._encoding):",
        "if text:",
    ),
    Plant(
        "checksums_of_pages_are_not_compared",
        "feeds.statements.reading.parquet",
        "page_checksum_verification=True",
        "page_checksum_verification=False",
    ),
    Plant(
        "a_sign_means_nothing",
        "feeds.statements.reading.values.row",
        "if is_negative is not needs_minus:",
        "if is_negative is None:",
    ),
    Plant(
        "a_word_for_nothing_is_an_id",
        "feeds.statements.reading.values.text",
        "if text.lower() in NULL_WORDS and",
        "if text.lower() == '-' and",
    ),
    Plant(
        "any_total_is_right",
        "feeds.statements.reading.values.control_totals",
        "if self._stated(cell, actual) == actual:",
        "if self._stated(cell, actual) is not None:",
    ),
    Plant(
        "days_always_count_from_1900",
        "feeds.statements.reading.workbook.sheet",
        "self._since_1904 = since_1904",
        "self._since_1904 = False",
    ),
    Plant(
        "an_hour_that_occurs_twice_is_the_first",
        "feeds.statements.reading.values.instants",
        "if first.utcoffset() != second.utcoffset():",
        "if first is second:",
    ),
    Plant(
        "a_cut_last_line_is_read",
        "feeds.statements.reading.csv_records",
        "if self._rules.final_newline and text[-1]",
        "if not text and text[-1]",
    ),
    Plant(
        "declared_currencies_are_a_hint",
        "feeds.statements.reading.reader",
        "if allowed and record.currency not in allowed:",
        "if allowed and not record.currency:",
    ),
)
