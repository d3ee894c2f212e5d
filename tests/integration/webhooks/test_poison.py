"""A callback that the database refuses is asked to come again; its neighbours are accepted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.harness.books.delivered import bet, providers
from tests.harness.servers.receiver import Books, Reply, receivers
from vocabulary.outcomes import Verdict, refusal

#: Whatever is wrong with it: the database will not have this one operation.
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
    books = Books(database)
    players = [f"p{number}" for number in range(NEIGHBOURS)]
    books.player(*players)
    books.run(REFUSE)
    known = providers(tmp_path)["sport"]
    later = known.dialect.respond(refusal(Verdict.UNAVAILABLE, "/transaction"), known.provider)
    poison = bet("p0", "POISON")
    callbacks = [bet(player, f"OP-{player}") for player in players]

    with receivers(tmp_path, database, broker_url) as (door, _):
        with ThreadPoolExecutor(NEIGHBOURS + 1) as pool:
            sent = [
                pool.submit(door.post, "sport", came) for came in [poison, *callbacks, poison]
            ]
            first, *others, last = [one.result() for one in sent]
        books.run("DROP TRIGGER refuse_poison ON operations")
        again = door.post("sport", poison)

    assert first == last == Reply(later.status, later.body)
    assert {reply.status for reply in others} == {200}
    assert again.status == 200
    assert again.body not in {first.body, later.body}
    assert [books.balance(player) for player in players] == [9800] + [9900] * (NEIGHBOURS - 1)
    assert books.wrong() == []
    books.close()
