"""A home: copied, brought back elsewhere, brought up to date, and not touched if it is newer."""

import json
import shutil
import signal
import time

import httpx
import pytest
from running import served

from tunewise.cli import main
from tunewise.errors import DataError
from tunewise.jobs.format import bring_up_to_date

FILES = {
    "returns.txt": "Return books at the desk within four weeks.",
    "hours.txt": "The library is open from nine to six.",
}


def found(url):
    """What a search finds, the files that are there, and the model's vectors."""
    with httpx.Client(base_url=url.replace("/v1", ""), timeout=60) as client:
        asked = {"bucket_name": "faq", "query": "when is the library open", "num_of_docs": 2}
        search = client.post("/v2/ai/embeddings/similarity-search", json=asked)
        assert search.status_code == 200, search.text
        there = client.get("/v2/storage/buckets/faq").json()["data"]
        file = client.get("/v2/storage/buckets/faq/hours.txt").text
        vectors = client.post("/v1/embeddings", json={"model": "word-hash", "input": "open"})
    return search.json()["data"], there, file, vectors.json()["data"]


def embedded(url):
    """Puts the files into a bucket and waits until they are embedded."""
    with httpx.Client(base_url=url.replace("/v1", ""), timeout=60) as client:
        for name, text in FILES.items():
            client.put(f"/v2/storage/buckets/faq/{name}", content=text).raise_for_status()
        task = client.post("/v2/ai/embeddings", json={"bucket_name": "faq"}).json()["data"]
        end = time.monotonic() + 120
        while (state := task["status"]) != "success":
            assert state in ("queued", "processing"), task
            assert time.monotonic() < end
            time.sleep(0.2)
            task = client.get(f"/v2/ai/embeddings/{task['task_id']}").json()["data"]


@pytest.mark.slow
def test_a_copy_of_a_stopped_servers_home_answers_the_same_elsewhere(tmp_path):
    with served("word-hash", "--port", "0", folder=tmp_path) as (process, url):
        embedded(url)
        before = found(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
    there = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "home", there / "home")
    shutil.rmtree(tmp_path / "home")  # nothing is had from where it was
    port = str(httpx.URL(url).port)  # where a file was found is an address of the server
    with served("word-hash", "--port", port, folder=there) as (_, url):
        assert found(url) == before
    assert before[0][0]["document_chunk"] == FILES["hours.txt"]


def test_a_home_takes_the_steps_that_it_has_not_taken_in_their_order(tmp_path):
    taken = []
    steps = [lambda folder: taken.append("to 2"), lambda folder: taken.append("to 3")]
    (tmp_path / "objects").mkdir()  # of before there was a number
    assert bring_up_to_date(tmp_path) == 1
    assert bring_up_to_date(tmp_path, steps=steps[:1]) == 2
    assert bring_up_to_date(tmp_path, steps=steps) == 3
    assert bring_up_to_date(tmp_path, steps=steps) == 3
    assert taken == ["to 2", "to 3"]


def test_a_new_home_takes_no_step(tmp_path):
    assert bring_up_to_date(tmp_path, steps=[lambda folder: 1 / 0]) == 2


def test_a_step_that_fails_is_taken_again_and_those_before_it_are_not(tmp_path):
    taken = []

    def fails(folder):
        taken.append("to 3")
        if taken.count("to 3") == 1:
            raise OSError("No space left on device")

    steps = [lambda folder: taken.append("to 2"), fails]
    bring_up_to_date(tmp_path)
    with pytest.raises(OSError, match="No space"):
        bring_up_to_date(tmp_path, steps=steps)
    assert bring_up_to_date(tmp_path, steps=steps) == 3
    assert taken == ["to 2", "to 3", "to 3"]


@pytest.mark.parametrize("told", ["{", "[]", '{"format": "2"}', '{"format": 0}', "{}"])
def test_a_number_that_cannot_be_read_is_said_and_nothing_is_changed(tmp_path, told):
    (tmp_path / "format.json").write_text(told)
    with pytest.raises(DataError, match="cannot be read"):
        bring_up_to_date(tmp_path, steps=[lambda folder: 1 / 0])
    assert (tmp_path / "format.json").read_text() == told


def test_a_home_of_a_newer_tunewise_is_refused_by_the_command(tmp_path, capsys):
    (tmp_path / "format.json").write_text(json.dumps({"format": 99}))
    assert main(["serve", "word-hash", "--port", "0", "--home", str(tmp_path)]) == 2
    assert "its format is 99" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["jobs.db", "objects/objects.db", "embedded.db", "shelves.db", "queries.db"]
)
def test_a_damaged_database_is_said_before_anything_is_served(tmp_path, capsys, name):
    serve = ["serve", "no-such/model", "--port", "0", "--home", str(tmp_path)]
    assert main(serve) == 2
    assert "no-such/model" in capsys.readouterr().err  # the databases are there, and whole
    whole, page = (tmp_path / name).read_bytes(), 4096
    for damaged in (b"no database at all" * 30, whole[:page] + b"?" * (len(whole) - page)):
        (tmp_path / name).write_bytes(damaged)
        assert main(serve) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert (said.err.count("\n"), said.err.startswith("tunewise: ")) == (1, True)
        assert f"{name}' cannot be read" in said.err
        remedy = "move the file away" if name == "queries.db" else "from a backup"
        assert remedy in said.err
