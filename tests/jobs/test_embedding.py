"""A bucket embedded: what became of each file, again, after changes, by two at once."""

import io
import threading
import zipfile
from contextlib import closing
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tunewise.collection import Collection, open_store
from tunewise.errors import DataError, TunewiseError
from tunewise.jobs.embedded import Embedded
from tunewise.jobs.embedding import run
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import place_of
from tunewise.objects import Objects
from tunewise.testing import WordHashEncoder

ENCODER = WordHashEncoder()
MODEL = {"name": "w", "source": "word-hash", "engine": "auto", "base_url": None,
         "stamp": ENCODER.stamp}  # fmt: skip
FILES = {
    "loans/how to.txt": "Books are lent for three weeks.",
    "rooms.md": "# Rooms\n\nReading rooms open at nine.",
    "fees.csv": "id,text,year\n1,late fees are ten cents,2020\n2,lost books are paid,2021\n",
}


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def put(home, bucket="library", **files):
    with closing(Objects(home.objects)) as objects:
        for name, text in files.items():
            objects.put(bucket, name, [text.encode()], most=100_000)


def delete(home, name):
    with closing(Objects(home.objects)) as objects:
        objects.delete("library", name)


def embed(home, **asked):
    whole = {"bucket": "library", "model": MODEL, "chunker": "256 tokens, overlap 32",
             **asked}  # fmt: skip
    with closing(Queue(home.jobs)) as queue:
        job = queue.add("embed", whole)
        return run(whole, place_of(home, job.id, queue))


def texts(home):
    with closing(open_store(str(home.collections))) as store:
        found = Collection.open(store, "library", ENCODER).page()
        return {chunk.id: chunk.text for chunk in found}


def fates(home):
    with closing(Embedded(home.embedded)) as kept:
        return {each.name: each for each in kept.files("library")}


def test_each_file_becomes_chunks_that_know_their_file(home):
    put(home, **FILES)
    told = embed(home)
    assert (told["status"], told["files"], told["added"], told["failed"]) == ("success", 3, 4, 0)
    assert texts(home) == {
        "fees.csv: 1#0": "late fees are ten cents",
        "fees.csv: 2#0": "lost books are paid",
        "loans/how to.txt#0": "Books are lent for three weeks.",
        "rooms.md#0": "# Rooms\n\nReading rooms open at nine.",
    }
    with closing(open_store(str(home.collections))) as store:
        collection = Collection.open(store, "library", ENCODER)
        [best] = collection.search("late fees", k=1, where={"filename": "fees.csv", "year": 2020})
        about = collection.about().current
    metadata = best.chunk.metadata
    assert len(metadata["checksum"]) == 64
    assert metadata["uploaded_at"].endswith("+00:00")
    assert about.stamp.chunker == "256 tokens, overlap 32"


def test_two_files_may_have_rows_of_the_same_ids(home):
    put(home, **{"a.csv": "id,text\n1,apples\n", "b.csv": "id,text\n1,pears\n"})
    assert embed(home)["added"] == 2
    assert sorted(texts(home).values()) == ["apples", "pears"]


def test_a_file_called_as_what_an_archive_holds_is_told_and_not_taken_in(home):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("b.md", "apples")
    with closing(Objects(home.objects)) as objects:
        objects.put("library", "a.zip", [packed.getvalue()], most=10_000)
    embed(home)
    [id_] = texts(home)
    name = id_.rpartition("#")[0]
    put(home, **{name: "pears"})
    told = embed(home)
    assert (told["status"], told["files"], told["failed"]) == ("partial_success", 2, 1)
    assert fates(home)[name].status == "failure"
    assert "'a.zip' has a document that is called" in fates(home)[name].reason
    assert texts(home) == {id_: "apples"}
    delete(home, "a.zip")
    assert embed(home)["status"] == "success"
    assert texts(home) == {id_: "pears"}


def test_what_cannot_be_read_is_told_by_name_and_the_rest_goes_on(home):
    broken = '{"text": "good"}\nno json\n'
    put(home, **FILES, **{"bad.pdf": "no pdf", "photo.jpg": "jpg", "rows.jsonl": broken})
    told = embed(home)
    assert (told["status"], told["files"], told["failed"]) == ("partial_success", 6, 3)
    found = fates(home)
    states = {name: each.status for name, each in found.items() if each.status != "success"}
    assert states == {
        "bad.pdf": "failure", "photo.jpg": "failure", "rows.jsonl": "partial_success",
    }  # fmt: skip
    assert "No reader for .jpg" in found["photo.jpg"].reason
    assert "rows.jsonl:2" in found["rows.jsonl"].reason
    assert found["photo.jpg"].embedded is None
    assert found["rows.jsonl"].embedded is not None
    assert {"filename": "photo.jpg", "reason": found["photo.jpg"].reason} in told["failures"]


def test_where_nothing_can_be_read_the_embedding_failed(home):
    put(home, **{"photo.jpg": "jpg"})
    assert embed(home)["status"] == "failure"


def test_again_only_what_has_changed_is_written(home):
    put(home, **FILES)
    embed(home)
    again = embed(home)
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 4)
    put(home, **{"rooms.md": "Rooms are closed.", "new.txt": "New."})
    put(home, **{"fees.csv": "id,text,year\n2,lost books are paid,2021\n"})
    delete(home, "loans/how to.txt")
    last = embed(home)
    assert (last["added"], last["changed"], last["removed"]) == (1, 2, 2)
    assert texts(home) == {
        "fees.csv: 2#0": "lost books are paid",
        "new.txt#0": "New.",
        "rooms.md#0": "Rooms are closed.",
    }
    assert set(fates(home)) == {"fees.csv", "rooms.md", "new.txt"}


def test_of_a_file_that_cannot_be_read_any_more_what_was_there_is_kept(home):
    put(home, **{"a.jsonl": '{"text": "apples"}\n', "b.txt": "pears"})
    embed(home)
    put(home, **{"a.jsonl": "no json"})
    assert embed(home)["status"] == "partial_success"
    assert sorted(texts(home).values()) == ["apples", "pears"]


def test_a_bucket_that_was_emptied_has_no_chunks(home):
    put(home, **{"a.txt": "apples"})
    embed(home)
    delete(home, "a.txt")
    told = embed(home)
    assert (told["status"], told["files"], told["removed"]) == ("success", 0, 1)
    assert texts(home) == {}
    assert fates(home) == {}


@pytest.mark.parametrize("when", ["loading the model", "encoding chunks"])
def test_a_file_that_is_deleted_while_its_bucket_is_embedded_is_not_found_afterwards(home, when):
    put(home, **{"a.txt": "apples", "b.txt": "pears"})
    asked = {"bucket": "library", "model": MODEL, "chunker": "256 tokens, overlap 32"}
    seen = []

    def progress(what, done, total):
        if what == when and not seen:
            seen.append(what)
            delete(home, "a.txt")

    with closing(Queue(home.jobs)) as queue:
        place = place_of(home, queue.add("embed", asked).id, queue)
        told = run(asked, replace(place, progress=progress))
    assert seen == [when]
    assert texts(home) == {"b.txt#0": "pears"}
    assert set(fates(home)) == {"b.txt"}
    assert told["files"] == 1


def embed_while(home, at_encoding=lambda: None, at_reading=lambda number: None, **asked):
    """Embeds the bucket, and calls what is given where texts are encoded and documents read."""
    whole = {"bucket": "library", "model": MODEL, "chunker": "8 tokens, overlap 0", **asked}

    def progress(what, done, total):
        if what == "encoding chunks":
            at_encoding()
        if what == "reading documents":
            at_reading(done)

    with closing(Queue(home.jobs)) as queue:
        place = place_of(home, queue.add("embed", whole).id, queue)
        return run(whole, replace(place, progress=progress))


def once(call):
    calls = iter([call])
    return lambda: next(calls, lambda: None)()


def test_of_a_file_that_is_deleted_while_it_is_encoded_nothing_is_written(home):
    # more than is written at once, so that the first file is written before the next is read
    put(home, **{"a.txt": "apples " * 8 * 300, "b.txt": "pears"})
    seen = []
    embed_while(
        home,
        at_encoding=once(lambda: delete(home, "a.txt")),
        at_reading=lambda number: seen.append(texts(home)) if number == 1 else None,
    )
    assert seen == [{}]
    assert texts(home) == {"b.txt#0": "pears"}


@pytest.mark.parametrize("deleted", [False, True])
def test_a_file_that_is_replaced_while_it_is_encoded_is_embedded_as_it_is_now(home, deleted):
    put(home, **{"a.txt": "secret apples " * 300, "b.txt": "pears"})

    def redact():
        if deleted:
            delete(home, "a.txt")
        put(home, **{"a.txt": "apples"})

    told = embed_while(home, at_encoding=once(redact))
    assert texts(home) == {"a.txt#0": "apples", "b.txt#0": "pears"}
    assert (told["status"], told["files"], told["added"]) == ("success", 2, 2)
    with closing(Objects(home.objects)) as objects:
        assert fates(home)["a.txt"].sha256 == objects.get("library", "a.txt").sha256


def test_a_file_that_is_replaced_after_it_was_written_is_embedded_as_it_is_now(home):
    put(home, **{"a.txt": "secret apples " * 4 * 300, "b.txt": "pears"})
    calls = []

    def redact(number):
        if number == 1 and not calls:
            calls.append(number)
            assert texts(home)
            put(home, **{"a.txt": "apples"})

    assert embed_while(home, at_reading=redact)["status"] == "success"
    assert calls == [1]
    assert texts(home) == {"a.txt#0": "apples", "b.txt#0": "pears"}


def test_a_file_that_is_replaced_all_the_time_is_told_and_not_taken_in(home):
    put(home, **{"a.txt": "apples 0", "b.txt": "pears"})
    turns = iter(range(1, 100))
    told = embed_while(home, at_encoding=lambda: put(home, **{"a.txt": f"apples {next(turns)}"}))
    assert told["status"] == "partial_success"
    assert "replaced again and again" in told["failures"][0]["reason"]
    assert fates(home)["a.txt"].status == "failure"
    assert texts(home) == {"b.txt#0": "pears"}
    assert embed(home, chunker="8 tokens, overlap 0")["status"] == "success"


def test_two_at_once_leave_what_one_would(home):
    put(home, **FILES)
    told = []
    threads = [threading.Thread(target=lambda: told.append(embed(home))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(each["added"] for each in told) == [0, 4]
    assert sorted(each["unchanged"] for each in told) == [0, 4]
    assert len(texts(home)) == 4


def test_a_model_that_is_not_what_the_server_has_makes_no_vectors(home):
    put(home, **FILES)
    with pytest.raises(DataError, match="not what it was"):
        embed(home, model={**MODEL, "stamp": "0" * 16})
    with closing(open_store(str(home.collections))) as store:
        assert Collection.there(store, "library") is None


@pytest.mark.parametrize("left", [False, True])
def test_a_model_that_was_deleted_is_named_and_not_its_place(home, left):
    put(home, **FILES)
    place = home.models / "job-1" / "model"
    if left:
        place.mkdir(parents=True)
    with pytest.raises(TunewiseError, match="ft:mini:a:1") as told:
        embed(home, model={**MODEL, "name": "ft:mini:a:1", "source": str(place)})
    assert str(home.folder) not in str(told.value)


def test_a_cancelled_embedding_makes_nothing_of_what_was_dropped(home):
    put(home, **FILES)
    asked = {"bucket": "library", "model": MODEL, "chunker": "256 tokens, overlap 32"}
    with closing(Queue(home.jobs)) as queue:
        job = queue.add("embed", asked)
        queue.cancel(job.id)
        with pytest.raises(DataError, match="was cancelled"):
            run(asked, place_of(home, job.id, queue))
    with closing(open_store(str(home.collections))) as store:
        assert Collection.there(store, "library") is None


def test_an_address_that_is_not_allowed_is_not_fetched(home):
    with pytest.raises(DataError, match="not among the hosts"):
        embed(home, url="http://localhost:1/", hosts=["example.com"])
    assert fates(home) == {}


def test_the_pages_of_a_site_become_files_and_those_that_cannot_be_had_are_told(
    home, tmp_path, monkeypatch
):
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text('<p>Desk</p><a href="/loans.html">l</a><a href="/gone">g</a>')
    (site / "loans.html").write_text('<p>Three weeks.</p><a href="fees.html">fees</a>')
    (site / "fees.html").write_text("<p>Ten cents.</p>")
    # A server asks no host of this machine, and here is no other.
    monkeypatch.setattr("tunewise.documents.address._is_public", lambda _: True)

    class Pages(SimpleHTTPRequestHandler):
        def __init__(self, *given):
            super().__init__(*given, directory=str(site))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as serving:
        threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}).start()
        at = f"127.0.0.1:{serving.server_port}"
        asked = {"url": f"http://{at}/", "hosts": [at]}
        alone = embed(home, **asked)  # as it was asked before there was a depth
        near = embed(home, **asked, depth=1)
        whole = embed(home, **asked, depth=5)
        serving.shutdown()
    names = [f"http://{at}/{name}" for name in ("", "loans.html", "fees.html")]
    assert (alone["status"], alone["files"]) == ("success", 1)
    assert (near["status"], near["added"], near["files"], near["failed"]) == (
        "partial_success", 1, 3, 1
    )  # fmt: skip
    assert near["failures"][0]["filename"] == f"http://{at}/gone"
    assert "answered 404" in near["failures"][0]["reason"]
    assert (whole["added"], whole["unchanged"], whole["failed"]) == (1, 2, 1)
    assert fates(home).keys() == set(names)
    assert "Ten cents." in texts(home).values()
