"""A callback that the database rejects is answered "retry later"; its batch commits."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.harness.books.delivered import bet, providers
from tests.harness.servers.receiver import LedgerDatabase, Reply, receivers
from vocabulary.outcomes import Verdict, refusal

#: The database rejects the operation of this one callback.
REFUSE = """
CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation', CONSTRAINT = 'poison';
END $$;
CREATE TRIGGER refuse_poison BEFORE INSERT ON operations FOR EACH ROW
  WHEN (NEW.op_key LIKE '%POISON%') EXECUTE FUNCTION refuse_poison();
"""
NEIGHBOURS = 24


def test_a_poisoned_batch_answers_retry_later_and_accepts_everything_else(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    books = LedgerDatabase(database)
    players = [f"p{number}" for number in range(NEIGHBOURS)]
    books.player(*players)
    books.run(REFUSE)
    sport = providers(tmp_path)["sport"]
    outcome = refusal(Verdict.UNAVAILABLE, "/transaction")
    retry_later = sport.dialect.respond(outcome, sport.provider)
    poison = bet("p0", "POISON")
    callbacks = [bet(player, f"OP-{player}") for player in players]

    with receivers(tmp_path, database, broker_url) as (client, _):
        with ThreadPoolExecutor(NEIGHBOURS + 1) as pool:
            futures = [
                pool.submit(client.post, "sport", callback)
                for callback in [poison, *callbacks, poison]
            ]
            first, *others, last = [future.result() for future in futures]
        books.run("DROP TRIGGER refuse_poison ON operations")
        repeat = client.post("sport", poison)

    assert first == last == Reply(retry_later.status, retry_later.body)
    assert {reply.status for reply in others} == {200}
    assert repeat.status == 200
    assert repeat.body not in {first.body, retry_later.body}
    assert [books.balance(player) for player in players] == [9800] + [9900] * (NEIGHBOURS - 1)
    assert books.failed_checks() == []
    books.close()
