-- A round is one wallet's part in it. Several players may share one round id of a provider, and
-- one player may play it in two currencies: each part has figures, an end and a clearing of its
-- own, and nobody waits for another's part when it is posted.
--
-- Rows stay as they are: until now a row held one wallet.

ALTER TABLE rounds DROP CONSTRAINT rounds_pkey;
ALTER TABLE rounds ADD CONSTRAINT rounds_pkey
    PRIMARY KEY (match_key, provider, round_id, wallet_id);
