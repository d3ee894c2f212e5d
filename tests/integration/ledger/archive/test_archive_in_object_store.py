"""Archives in an object store: written, checked, let go and read back over its protocol."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.servers.gcs_protocol import GCS
from tests.harness.servers.object_store import ObjectStore, StoreProtocol, object_store
from tests.harness.servers.s3_protocol import S3
from tests.harness.tampering.replay import tamper


@pytest.fixture(params=[S3, GCS], ids=["s3", "gcs"])
def store(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ObjectStore]:
    protocol: StoreProtocol = request.param
    with object_store(protocol, tmp_path_factory.mktemp("objects")) as running:
        for name, value in running.credentials().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def archivist(
    postgres: PostgresServer, exported: Archivist, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archivist]:
    """People at books whose month has no archive yet."""
    assert exported.folder.exists()
    postgres.execute("CREATE DATABASE month_store TEMPLATE month_exported")
    database = postgres.url("month_store")
    tamper(database, "DELETE FROM archives")
    yield Archivist(tmp_path_factory.mktemp("store"), database)
    postgres.execute("DROP DATABASE month_store WITH (FORCE)")


def test_a_month_is_exported_let_go_and_read_back(
    store: ObjectStore, archivist: Archivist
) -> None:
    archivist.export("--to", store.url("tieout"))

    folder = f"tieout/{ARCHIVE}"
    assert {f"{folder}/manifest.json", f"{folder}/feed_versions.parquet"} <= set(store.objects)
    assert json.loads(archivist.run("archive", "check", "--json"))["clean"]
    archivist.let_go()
    rechecked = json.loads(archivist.run("ledger", "audit", "recheck", "--json"))
    assert rechecked["clean"], "the seals need the bytes that left"
    assert archivist.rows("SELECT count(*) FROM operations WHERE headers <> ''") == [(0,)]

    name = f"{folder}/2020-06-04/operations.parquet"
    store.objects[name] = store.objects[name][:-1] + b"?"
    checked = json.loads(archivist.run("archive", "check", "--json", code=1))
    assert "its bytes have changed" in json.dumps(checked)


def test_what_keeps_a_store_from_answering_is_named(
    store: ObjectStore, archivist: Archivist, monkeypatch: pytest.MonkeyPatch
) -> None:
    out_of_reach = f"{store.place('tieout')}/{ARCHIVE} is out of reach"
    no_bucket = archivist.export("--to", store.url("tieout", "nowhere"), code=3)
    assert "bucket does not exist" in no_bucket
    assert f"{store.place('tieout', 'nowhere')}/{ARCHIVE} is out of reach" in no_bucket

    store.cut_connections_after(40)
    gone = archivist.export("--to", store.url("tieout"), code=3)
    assert out_of_reach in gone
    assert "are the credentials right" not in gone
    store.answer_all()
    for name, value in store.credentials("somebody").items():
        monkeypatch.setenv(name, value)
    refused = archivist.export("--to", store.url("tieout"), code=3)
    assert out_of_reach in refused
    assert "are the credentials right" in refused
    assert archivist.rows("SELECT count(*) FROM archives") == [(0,)]


def test_a_secret_in_the_url_of_a_store_is_refused(
    store: ObjectStore, archivist: Archivist
) -> None:
    location = store.place("tieout").replace("://", "://key:secret@")
    refused = archivist.export("--to", location, code=2)
    assert "credentials are expected in the environment" in refused
    assert "secret@" not in refused
