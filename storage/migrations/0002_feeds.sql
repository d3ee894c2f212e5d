-- Feeds that are pulled: how far each was read, and what a provider says it delivered to us.

CREATE TABLE feed_marks (
    provider    text NOT NULL,
    feed        text NOT NULL,               -- 'rounds', 'deliveries'
    watermark   timestamptz,                 -- everything before it is stored; null: nothing yet
    pulled_at   timestamptz NOT NULL,        -- our instant of the last pull that was stored
    records     bigint NOT NULL,             -- what that pull brought
    CONSTRAINT feed_marks_pkey PRIMARY KEY (provider, feed),
    CONSTRAINT feed_marks_records_not_negative CHECK (records >= 0)
);

CREATE TABLE provider_deliveries (
    provider        text NOT NULL,
    webhook_id      text NOT NULL,           -- delivery ids may be unique only within one
    delivery_id     text NOT NULL,
    event_type      text NOT NULL,
    payload         bytea NOT NULL,          -- what they say they sent
    response_code   smallint,                -- what they say we answered; null: no reply
    response_body   bytea NOT NULL,
    success         boolean NOT NULL,
    attempted_at    timestamptz NOT NULL,    -- the provider's clock
    retry_count     integer NOT NULL,
    pulled_at       timestamptz NOT NULL,    -- ours
    CONSTRAINT provider_deliveries_pkey PRIMARY KEY (provider, webhook_id, delivery_id)
);
CREATE INDEX provider_deliveries_by_time ON provider_deliveries (provider, attempted_at);
