-- Disputes: breaks that are put before a provider, the packs that were sent, and its answers.
-- Uses refuse_change() of ledger.sql, and breaks of reconcile.sql.
--
--   disputes         one for each set of breaks that goes to a provider together
--   dispute_lines    the breaks of a dispute, with both sides' amounts as they were put
--   dispute_exports  the packs that were written, as bytes
--   dispute_answers  what the provider answered to a line, once
--
-- All four are append-only: the state of a line follows from its answer and from its break.

CREATE TABLE disputes (
    dispute_id   text PRIMARY KEY,
    provider     text NOT NULL,
    note         text NOT NULL DEFAULT '',   -- to the provider; printed in the pack
    opened_by    text NOT NULL,
    opened_at    timestamptz NOT NULL,
    opening_no   bigint GENERATED ALWAYS AS IDENTITY,  -- of two disputes, the later one has more
    CONSTRAINT disputes_id_shape CHECK (dispute_id ~ '^dsp-[0-9a-f]{20}$'),
    CONSTRAINT disputes_opened_by_somebody CHECK (opened_by <> ''),
    CONSTRAINT disputes_of_a_provider UNIQUE (dispute_id, provider)
);
CREATE INDEX disputes_by_provider ON disputes (provider, opened_at);
CREATE TRIGGER disputes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON disputes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE dispute_lines (
    dispute_id   text NOT NULL REFERENCES disputes,
    line         integer NOT NULL,           -- 1, 2, 3 … within the dispute
    break_id     text NOT NULL REFERENCES breaks,
    round_id     text NOT NULL,
    alias        text NOT NULL DEFAULT '',   -- the provider's own name of the round, if another
    kind         text NOT NULL,
    currency     text NOT NULL,
    our_stake    bigint,                     -- null: we have nothing
    our_payout   bigint,
    their_stake  bigint,                     -- null: the provider reports nothing
    their_payout bigint,
    difference   bigint NOT NULL,            -- the provider's GGR less ours
    began_at     timestamptz,
    CONSTRAINT dispute_lines_pkey PRIMARY KEY (dispute_id, line),
    CONSTRAINT dispute_lines_once UNIQUE (dispute_id, break_id),
    CONSTRAINT dispute_lines_numbered CHECK (line > 0),
    CONSTRAINT dispute_lines_have_money CHECK (difference <> 0),
    CONSTRAINT dispute_lines_amounts_are_whole
        CHECK ((our_stake IS NULL) = (our_payout IS NULL)
               AND (their_stake IS NULL) = (their_payout IS NULL))
);
CREATE INDEX dispute_lines_by_break ON dispute_lines (break_id);
CREATE TRIGGER dispute_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A dispute is about breaks of its provider, and they wait for the provider while it lasts.
CREATE FUNCTION dispute_lines_must_suit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM disputes d
                     JOIN breaks b ON b.provider = d.provider AND b.break_id = NEW.break_id
                     JOIN break_workflows l USING (break_id)
                    WHERE d.dispute_id = NEW.dispute_id AND l.state = 'waiting') THEN
        RAISE EXCEPTION 'break % is none that waits for the provider of dispute %',
            NEW.break_id, NEW.dispute_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'dispute_lines_suit';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_lines_suit BEFORE INSERT ON dispute_lines
    FOR EACH ROW EXECUTE FUNCTION dispute_lines_must_suit();

CREATE TABLE dispute_exports (
    provider         text NOT NULL,
    number           integer NOT NULL,       -- 1, 2, 3 … within the provider
    dispute_id       text NOT NULL,
    exported_by      text NOT NULL,
    exported_at      timestamptz NOT NULL,
    due_at           timestamptz NOT NULL,   -- by when the provider is asked to answer
    document_sha256  text NOT NULL,          -- of dispute.json
    pack_sha256      text NOT NULL,          -- of the whole archive
    pack             bytea NOT NULL,         -- the archive: what was sent, for ever
    CONSTRAINT dispute_exports_pkey PRIMARY KEY (provider, number),
    CONSTRAINT dispute_exports_of_a_dispute
        FOREIGN KEY (dispute_id, provider) REFERENCES disputes (dispute_id, provider),
    CONSTRAINT dispute_exports_numbered CHECK (number > 0),
    CONSTRAINT dispute_exports_by_somebody CHECK (exported_by <> ''),
    CONSTRAINT dispute_exports_due_later CHECK (due_at > exported_at),
    CONSTRAINT dispute_exports_hash_is_of_the_pack
        CHECK (pack_sha256 = encode(sha256(pack), 'hex'))
);
CREATE INDEX dispute_exports_by_dispute ON dispute_exports (dispute_id, number);
CREATE TRIGGER dispute_exports_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_exports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE dispute_answers (
    dispute_id   text NOT NULL,
    line         integer NOT NULL,
    answer       text NOT NULL,
    reference    text NOT NULL,              -- the provider's own; may be empty
    comment      text NOT NULL,              -- likewise
    file         text NOT NULL,              -- the name of the file that says it
    file_sha256  text NOT NULL,
    file_line    integer NOT NULL,
    imported_by  text NOT NULL,
    imported_at  timestamptz NOT NULL,
    -- A second answer to a line is a finding, and never stored.
    CONSTRAINT dispute_answers_pkey PRIMARY KEY (dispute_id, line),
    CONSTRAINT dispute_answers_of_a_line
        FOREIGN KEY (dispute_id, line) REFERENCES dispute_lines,
    CONSTRAINT dispute_answers_known CHECK (answer IN ('accepted', 'rejected', 'will_restate')),
    CONSTRAINT dispute_answers_by_somebody CHECK (imported_by <> '')
);
CREATE TRIGGER dispute_answers_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_answers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
