"""`tunewise index` and a search in what it made: resumed, renewed, pruned, switched, refused."""

import json
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tunewise.cli import main
from tunewise.collection import Collection, open_store
from tunewise.encoders import load_encoder

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def won(home):
    """The folder of a verdict whose winner is a hybrid."""
    options = ["--encoder", "word-hash", "--try", "lexical,pretrained,hybrid"]
    assert main(["measure", "tiny", *options, "--out", "won"]) == 0
    return "won"


@pytest.fixture
def docs(home, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.md").write_text(f"# Loans {number}\n\nLoan {number} lasts a month.\n")
    return folder


def run(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == code
    return capsys.readouterr()


@pytest.mark.slow
def test_documents_are_indexed_found_and_passed_over_the_next_time(won, docs, tmp_path, capsys):
    place = ["--collection", "loans", "--store", tmp_path / "store"]
    out = run(capsys, "index", won, "--from", docs, *place).out
    assert "documents: 6 added, 0 changed, 0 unchanged" in out
    assert "6 chunks of 6 documents" in out
    assert "searched exactly" in out
    found = run(capsys, "search", won, "loan 3 lasts", *place, "-k", "1").out
    assert re.search(r"3\.md \(0–\d+\)  Loans 3\n.*Loan 3 lasts a month", found)
    (docs / "2.md").write_text("# Loans 2\n\nNobody borrows a violin.\n")
    (docs / "5.md").unlink()
    out = run(capsys, "index", won, "--from", docs, *place).out
    assert "documents: 0 added, 1 changed, 4 unchanged; 1 no longer there (kept; --prune" in out
    out = run(capsys, "index", won, "--from", docs, "--prune", *place).out
    assert "0 changed, 5 unchanged; 1 that are no longer there were removed" in out
    assert "violin" in run(capsys, "search", won, "violin", *place, "-k", "1").out


@pytest.mark.slow
def test_a_check_takes_what_was_deleted_off_the_disk(won, docs, tmp_path, capsys):
    place, store = ["--collection", "loans", "--store", tmp_path / "store"], tmp_path / "store"
    (docs / "5.md").write_text("A xylophone.")
    run(capsys, "index", won, "--from", docs, *place)
    (docs / "5.md").unlink()
    run(capsys, "index", won, "--from", docs, "--prune", *place)
    assert b"xylophone" in held(store)  # a deletion hides it
    run(capsys, "index", won, "--check", *place)
    assert b"xylophone" not in held(store)
    assert b"Loan 3" in held(store)


def held(folder):
    """All that lies in the tables of a folder, whose texts are too few to be packed."""
    return b"".join(path.read_bytes() for path in folder.rglob("*.lance/**/*") if path.is_file())


def test_one_is_told_as_one(won, docs, tmp_path, capsys):
    out = run(capsys, "index", won, "--from", docs / "1.md", "--store", tmp_path / "store").out
    assert "1 chunk of 1 document," in out


def test_what_fails_is_named_and_the_rest_goes_on(won, docs, tmp_path, capsys):
    (docs / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    place = ["--store", tmp_path / "store"]
    told = run(capsys, "index", won, "--from", docs, *place)
    assert "6 added, 0 changed, 0 unchanged, 1 failed" in told.out
    assert "failed: photo.jpg: No reader for .jpg." in told.err
    (docs / "0.md").unlink()
    told = run(capsys, "index", won, "--from", docs, "--prune", *place)
    assert "1 failed; 1 that are no longer there were removed\n" in told.out
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    run(capsys, "index", won, "--from", alone, "--store", tmp_path / "other", code=2)


def test_what_may_lie_in_what_failed_is_not_pruned(won, docs, tmp_path, capsys):
    place = ["--store", tmp_path / "store", "--collection", "all"]
    with zipfile.ZipFile(docs / "old.zip", "w") as packed:
        packed.write(docs / "1.md", "within/1.md")
    (docs / "rows.csv").write_text("id,text\nr1,a violin\nr2,a cello\n")
    run(capsys, "index", won, "--from", docs, *place)
    (docs / "0.md").unlink()
    (docs / "old.zip").write_bytes(b"PK cut off")
    (docs / "rows.csv").write_text("id,text\nr1,a violin\nr3\n")
    told = run(capsys, "index", won, "--from", docs, "--prune", *place)
    assert "2 failed; 1 that are no longer there were removed; 2 no longer there (may" in told.out
    found = run(capsys, "search", won, "violin cello", *place, "-k", "20").out
    assert all(name in found for name in ("old.zip/within/1.md", "r2"))


def test_fields_of_a_table_can_be_filtered_by(won, tmp_path, capsys):
    rows = [{"id": n, "text": f"mend a violin {n}", "year": 2000 + n} for n in range(9)]
    table = tmp_path / "rows.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "asked.txt").write_text("violin\n")
    place = ["--store", tmp_path / "store", "--collection", "rows"]
    run(capsys, "index", won, "--from", table, *place)
    many = ["--queries", tmp_path / "asked.txt", "--filter", '{"year": {"gte": 2007}}']
    for way in ("vectors", "words", "hybrid"):
        out = run(capsys, "search", won, *many, *place, "--by", way).out
        hits = [json.loads(line) for line in out.splitlines()]
        assert {hit["document_id"] for hit in hits} == {"7", "8"}
    refused = run(capsys, "search", won, "x", *place, "--filter", '{"jahr": 1}', code=2).err
    assert "no field 'jahr'" in refused
    assert (
        "--filter takes JSON"
        in run(capsys, "search", won, "x", *place, "--filter", "y", code=2).err
    )


def test_a_winner_by_words_alone_is_refused_with_the_way_to_search_by_words(
    home, docs, tmp_path, capsys
):
    run(capsys, "measure", "tiny", "--encoder", "word-hash", "--try", "lexical", "--out", "worded")
    place = ["--store", tmp_path / "store"]
    refused = run(capsys, "index", "worded", "--from", docs, *place, code=2).err
    assert "WORDS --collection documents --by words" in refused
    assert 'says "by": "words"' in run(capsys, "serve", "worded", "--port", "0", code=2).err
    run(capsys, "index", "word-hash", "--from", docs, *place)
    asked = [*place, "--collection", "documents", "--by", "words", "-k", "1"]
    assert "3.md" in run(capsys, "search", "word-hash", "3", *asked).out


def test_another_model_is_refused_switched_to_and_back_from(
    won, docs, tmp_path, word_model, capsys
):
    place = ["--store", tmp_path / "store"]
    run(capsys, "index", won, "--from", docs, *place)
    no_model = tmp_path / "none"
    assert (
        "only the vectors it has"
        in run(capsys, "index", no_model, "--rollback", *place, code=2).err
    )
    asked = ["loan 3", *place, "--collection", "documents"]
    refused = run(capsys, "search", word_model, *asked, code=2).err
    assert "were made by 'word-hash'" in refused
    assert "--reembed" in refused
    assert "48 numbers" in run(capsys, "index", word_model, "--reembed", *place).out
    run(capsys, "search", won, *asked, code=2)
    run(capsys, "search", word_model, *asked)
    assert "64 numbers" in run(capsys, "index", won, "--rollback", *place).out
    run(capsys, "search", won, *asked)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Say one thing to do"),
        (["--from", "nowhere"], "nowhere"),
        (["--from", "docs", "--reembed"], "Say one thing to do"),
        (["--reembed"], "There is no folder"),
        (["--from", "tiny", "--size", "3"], "Chunks of 3 tokens"),
        (["--from", "tiny", "--size", "0"], "Chunks of 0 tokens"),
        (["--from", "tiny", "--prefix", "0"], "A prefix of 0 numbers"),
        (["--from", "tiny", "--column", "document=nope"], "No document was found in 'tiny'"),
        (["--from", "empty"], "No document was found in 'empty'"),
        (["--from", "http://localhost/x"], "Name its host: --host"),
    ],
)
def test_what_cannot_be_done_is_refused(won, tmp_path, capsys, arguments, told):
    Path("empty").mkdir(exist_ok=True)
    assert told in run(capsys, "index", won, *arguments, "--store", tmp_path / "s", code=2).err
    again = run(
        capsys, "search", won, "x", "--collection", "documents", "--store", tmp_path / "s", code=2
    )
    begun = (tmp_path / "s").exists()
    assert ("no collection 'documents'" if begun else "no folder") in again.err


def test_chunks_of_another_size_are_refused_in_the_same_collection(won, docs, tmp_path, capsys):
    place = ["--store", tmp_path / "store"]
    run(capsys, "index", won, "--from", docs, "--size", "64", *place)
    run(capsys, "index", won, "--from", docs, *place)  # as it was
    refused = run(capsys, "index", won, "--from", docs, "--size", "128", *place, code=2).err
    assert "were cut to 64 tokens, overlap 32" in refused
    refused = run(capsys, "index", won, "--from", docs, "--prefix", "8", *place, code=2).err
    assert "keeps 64 numbers in float32" in refused


def test_chunks_longer_than_what_the_encoder_reads_are_refused(word_model, docs, tmp_path, capsys):
    arguments = ["--from", docs, "--store", tmp_path / "store", "--size", "100000"]
    refused = run(capsys, "index", word_model, *arguments, code=2).err
    assert "Chunks of 100,000 tokens (--size) would be cut off" in refused
    most = load_encoder(str(word_model)).max_tokens
    arguments[-1] = most
    cut = run(capsys, "index", word_model, *arguments).err
    assert f"chunks have up to {most - 2:,} tokens: " in cut  # two are the model's own
    made = Collection.open(open_store(str(tmp_path / "store")), "documents").info()
    assert made.stamp.chunker.startswith(f"{most - 2} tokens")
    assert "chunks have" not in run(capsys, "index", word_model, *arguments[:-2]).err


@pytest.mark.slow
def test_an_index_that_was_killed_goes_on_after_what_was_written(tmp_path, word_model, capsys):
    table, place = tmp_path / "many.jsonl", tmp_path / "store"
    rows = ({"id": n, "text": f"mend violin clean ladder {n} " * 8} for n in range(6_000))
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["index", str(word_model), "--from", str(table), "--store", str(place)]
    process = subprocess.Popen([sys.executable, "-m", "tunewise", *arguments])
    while process.poll() is None and written(place) == 0:
        time.sleep(0.2)  # looking costs the other one time
    process.kill()
    process.wait()
    kept = written(place)
    assert 0 < kept < 6_000
    out = run(capsys, *arguments).out
    assert f"documents: {6_000 - kept:,} added, 0 changed, {kept:,} unchanged" in out
    assert "6,000 documents" in out


def written(place):
    """How many documents are in the store; 0 where there is no collection yet."""
    store = open_store(str(place))
    if Collection.there(store, "documents") is None:
        return 0
    return len(Collection.open(store, "documents").digests())
