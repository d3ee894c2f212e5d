"""docs/schema.sql shows the tables as all revisions leave them."""

import psycopg
import pytest

from ops.tools.schema import dump_of, readable
from tests.meta.tree import ROOT

#: As pg_dump writes them: a part of a table may come before it, and far from it.
DUMP = r"""--
-- PostgreSQL database dump
--

\restrict 5xYz

SET default_tablespace = '';

--
-- Name: wallet_seen(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.wallet_seen() RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$ SELECT now() $$;


--
-- Name: wallets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.wallets (
    wallet_id bigint NOT NULL,
    seen_at timestamp with time zone
);


--
-- Name: bets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bets (
    wallet_id bigint NOT NULL
);


--
-- Name: wallets wallets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.wallets
    ADD CONSTRAINT wallets_pkey PRIMARY KEY (wallet_id);


--
-- Name: bets_by_wallet; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bets_by_wallet ON public.bets USING btree (wallet_id);


--
-- PostgreSQL database dump complete
--

\unrestrict 5xYz
"""
ORDERED = """\
CREATE TABLE bets (
    wallet_id bigint NOT NULL
);
CREATE INDEX bets_by_wallet ON bets (wallet_id);

CREATE TABLE wallets (
    wallet_id bigint NOT NULL,
    seen_at timestamptz
);
ALTER TABLE ONLY wallets
    ADD CONSTRAINT wallets_pkey PRIMARY KEY (wallet_id);

CREATE FUNCTION wallet_seen() RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$ SELECT now() $$;
"""


def test_the_file_shows_the_schema_that_migrating_makes(database: str) -> None:
    written = (ROOT / "docs" / "schema.sql").read_text(encoding="utf-8")

    assert readable(dump_of(database)) == written, "run `make schema`"


def test_a_changed_column_changes_the_file(database: str) -> None:
    before = readable(dump_of(database))
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE wallets ADD COLUMN nickname text")

    added = set(readable(dump_of(database)).splitlines()) - set(before.splitlines())
    assert "    nickname text," in added or "    nickname text" in added


def test_everything_about_a_table_stands_together() -> None:
    _, _, shown = readable(DUMP).partition("\n\n")

    assert shown == ORDERED


def test_a_kind_of_object_without_a_place_is_named() -> None:
    with pytest.raises(ValueError, match="RULE bets_are_final has no place in the file"):
        readable(DUMP.replace("bets_by_wallet; Type: INDEX", "bets_are_final; Type: RULE"))
