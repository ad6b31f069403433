"""Collections on object storage: a server that speaks S3, and machines that share its tables.

A machine is a process with a folder of its own for what is passing: that is where writers of one
machine take turns.
"""

import os
import random
import signal
import time
from datetime import timedelta

import lasting_writer as writing
import pytest

from tunewise.cli import main
from tunewise.collection import Collection, compacting, open_store, reembed, rollback, verify
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bucket():
    """A bucket (boto3) on a server that runs as long as the tests of this file do."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT", endpoint)
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "tests")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
        made = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1")
        yield made.create_bucket(Bucket="collections")
    server.stop()


@pytest.fixture
def url(bucket, request):
    return f"s3://{bucket.name}/{request.node.name}"


@pytest.fixture
def made(url):
    return Collection.create(open_store(url), "lasting", WordHashEncoder())


def machine(url, writer, rounds, own):
    """A process that writes, ready to, on a machine of its own."""
    own.mkdir()
    return writing.started(url, writer, rounds, TMPDIR=str(own))


def test_what_a_folder_can_do_object_storage_can(made, url, chunk):
    made.add([chunk(f"d{n}", f"cats number {n}", size=n) for n in range(20)])
    made.replace([chunk("d3", "dogs alone", size=3)], documents={"d3": "new"})
    assert made.delete(ids=["d4#0"]) == 1
    for way in ("vectors", "words", "hybrid"):
        assert made.search("dogs alone", k=1, by=way)[0].chunk.document == "d3"
        few = made.search("cats number", k=9, by=way, where={"size": {"lt": 3}})
        assert {hit.chunk.document for hit in few} == {"d0", "d1", "d2"}
    anew = reembed(made, WordHashEncoder(32))
    assert anew.count() == 19
    assert anew.search("cats number 7", k=1)[0].chunk.document == "d7"
    back = rollback(Collection.open(open_store(url), "lasting"), WordHashEncoder())
    assert back.info().stamp == made.info().stamp
    assert back.search("cats number 7", k=1)[0].chunk.document == "d7"
    assert verify(back) == []


def test_objects_stay_few_and_what_is_deleted_goes(made, bucket, url, chunk, monkeypatch):
    monkeypatch.setattr(compacting, "GRACE", timedelta(milliseconds=1))
    made.add([chunk("secret", "xylophone"), chunk("kept", "violin")])
    for n in range(40):
        made.replace([chunk("d", f"new {n}")], documents={"d": f"{n}"})
    made.delete(documents=["secret"])
    made.compact()
    objects = list(bucket.objects.filter(Prefix=url.removeprefix(f"s3://{bucket.name}/")))
    assert objects
    assert len(objects) < 5 * 40
    texts = b"".join(each.get()["Body"].read() for each in objects)
    assert b"violin" in texts
    assert b"xylophone" not in texts


def test_writers_of_two_machines_lose_nothing(made, url, tmp_path):
    machines = [machine(url, f"w{n}", 10, tmp_path / f"{n}") for n in range(2)]
    known = [writing.acknowledged(process) for process in machines]
    there = writing.versions(made)
    assert [len(some) for some in known] == [writing.DOCUMENTS] * 2
    for some in known:
        assert {name: there[name] for name in some} == {
            name: [version] * writing.PARTS for name, version in some.items()
        }


def test_a_machine_that_fails_leaves_no_half_and_holds_nobody_up(made, url, tmp_path):
    for kill in range(2):
        process = machine(url, f"w{kill}", 100_000, tmp_path / f"{kill}")
        first = process.stdout.readline()
        time.sleep(random.Random(kill).uniform(0.2, 0.9))
        os.kill(process.pid, signal.SIGKILL)
        known, there = writing.acknowledged(process, first), writing.versions(made)
        for document, version in known.items():
            [only] = set(there[document])  # of one version, all parts of it
            assert only - version in (0, writing.DOCUMENTS)  # the write that was under way
        assert {len(parts) for parts in there.values()} == {writing.PARTS}
    made.replace(writing.chunks("after", 1), documents={"after": ""})


def test_the_commands_take_its_address(bucket, tmp_path, capsys):
    (tmp_path / "pets.md").write_text("# Pets\n\nViolins are no pets.\n")
    store = ["--collection", "pets", "--store", f"s3://{bucket.name}/commands"]
    index = ["index", "word-hash", "--from", str(tmp_path / "pets.md"), *store]
    assert main(index) == 0
    capsys.readouterr()
    assert main(["search", "word-hash", "violins", *store]) == 0
    assert "Violins are no pets" in capsys.readouterr().out
    assert main(index) == 0
    assert "1 unchanged" in capsys.readouterr().out
