"""Values of a query are written into its text or sent beside it."""

from psycopg import sql

from reconcile.snapshot.values import Value, values_beside


def test_values_are_sent_beside_the_text_in_the_order_of_their_places() -> None:
    fragment = sql.SQL("x = {two}").format(two=Value("two"))
    query = sql.SQL("SELECT {one} WHERE {fragment}").format(one=Value(1), fragment=fragment)

    assert values_beside(query) == (b"SELECT %s WHERE x = %s", [1, "two"])


def test_the_same_query_holds_its_values_as_literals() -> None:
    query = sql.SQL("SELECT {one}").format(one=Value("it's"))

    assert query.as_string() == "SELECT 'it''s'"


def test_a_percent_sign_of_the_text_stays_one() -> None:
    query = sql.SQL("SELECT 7 % {two} LIKE {pattern}").format(
        two=Value(2), pattern=sql.Literal("a%")
    )

    assert values_beside(query) == (b"SELECT 7 %% %s LIKE 'a%%'", [2])
