"""`tunewise search --collection`: thresholds, rerankers, and what is refused."""

import json
from pathlib import Path

import pytest

from tunewise.cli import main
from tunewise.collection import Collection, open_store
from tunewise.contenders import load_contender
from tunewise.contenders.contender import NO_TEXTS

pytestmark = pytest.mark.usefixtures("home")

NOTES = {
    "a": "the violin is mended by hand, a rumour",
    "b": "the violin is mended, says the official notice",
    "c": "nothing of the kind",
}


@pytest.fixture(scope="module")
def won(home):
    """The folder of a verdict whose winner is a hybrid."""
    options = ["--encoder", "word-hash", "--try", "lexical,pretrained,hybrid"]
    assert main(["measure", "tiny", *options, "--out", "won"]) == 0
    return "won"


@pytest.fixture(scope="module")
def place(won, home):
    """A collection `notes`, as arguments."""
    return indexed(won, home, "notes")


def indexed(won, home, name):
    rows = "".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in NOTES.items())
    (home / "notes.jsonl").write_text(rows)
    store = ["--store", str(home / "notes-store"), "--collection", name]
    assert main(["index", won, "--from", "notes.jsonl", *store]) == 0
    return store


def run(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == code
    return capsys.readouterr()


def found(capsys, won, words, *options):
    path = Path("asked.txt")
    path.write_text(words + "\n")
    out = run(capsys, "search", won, "--queries", path, *options).out
    return [json.loads(line) for line in out.splitlines()]


def test_a_hybrid_whose_scores_are_the_documents_own_has_no_calibrated_threshold(
    won, place, capsys
):
    assert load_contender(Path(won, "model"), NO_TEXTS).threshold is not None
    assert Collection.open(open_store(place[1]), "notes").info().threshold is None
    asked = ["search", won, "x", *place, "--threshold", "calibrated"]
    for more in ([], ["--by", "vectors"]):
        told = run(capsys, *asked, *more, code=2).err
        assert "is searched by hybrid, whose scores depend on what else is in it" in told


def test_the_threshold_that_was_chosen_on_dev_goes_with_a_winner_by_vectors(home, capsys):
    options = ["--encoder", "word-hash", "--try", "pretrained", "--out", "by-vectors"]
    assert main(["measure", "tiny", *options]) == 0
    won, place = "by-vectors", indexed("by-vectors", home, "near")
    chosen = load_contender(Path(won, "model"), NO_TEXTS).threshold
    assert chosen.recall > 0
    collection = Collection.open(open_store(place[1]), "near")
    assert collection.info().threshold == chosen
    again = run(capsys, "index", won, "--from", "notes.jsonl", *place).out
    assert f"calibrated threshold {chosen.score:.3f}, which kept {chosen.recall:.0%}" in again
    everything = found(capsys, won, "violin mended by hand", *place)
    kept = found(capsys, won, "violin mended by hand", *place, "--threshold", "calibrated")
    assert kept == [hit for hit in everything if hit["score"] >= chosen.score]
    nothing = run(capsys, "search", won, "zzz", *place, "--threshold", "calibrated").out
    assert f"Nothing was found with a score of {chosen.score:.3f} or more" in nothing
    refused = run(
        capsys, "search", won, "x", *place, "--threshold", "calibrated", "--by", "words", code=2
    )
    assert "is for a search by vectors" in refused.err


@pytest.mark.slow
def test_a_cross_encoder_orders_what_was_found(won, place, cross_encoder, capsys):
    words = "the violin is mended by hand"
    assert found(capsys, won, words, *place)[0]["document_id"] == "a"
    first, *rest = found(capsys, won, words, *place, "--rerank", cross_encoder)
    assert first["document_id"] == "b"
    assert first["score"] > 0.9 > 0.1 > max(hit["score"] for hit in rest)
    shown = run(capsys, "search", won, words, *place, "-k", "1", "--rerank", cross_encoder).out
    assert "official notice" in shown
    asked = ["search", won, words, *place, "--rerank", cross_encoder, "--rerank-top", "2"]
    assert "2 hits are reranked, and 5 are to be" in run(capsys, *asked, code=2).err
    missing = run(capsys, "search", won, words, *place, "--rerank", "no/such", code=2).err
    assert "There is no folder 'no/such'" in missing


def test_words_alone_load_no_model(won, place, capsys, tmp_path):
    arguments = [*place, "--by", "words", "-k", "1"]
    assert "official" in run(capsys, "search", tmp_path, "official notice", *arguments).out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--filter", '{"year": 1}'], "--filter is for a search in a collection"),
        (["--threshold", "0.5"], "--threshold is for a search in a collection"),
        (["--grouped"], "--grouped is for a search in a collection"),
        (["--rerank-top", "9"], "--rerank-top is for a search in a collection"),
        (["--store", "x"], "--store is for a search in a collection"),
        (["--by", "words"], "--by is for a search in a collection"),
    ],
)
def test_what_is_for_collections_is_refused_without_one(won, capsys, options, told):
    assert told in run(capsys, "search", won, "x", *options, code=2).err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--threshold", "nan"], "The threshold is nan"),
        (["--threshold", "high"], "takes a number or the word calibrated, not 'high'"),
        (["--filter", '{"source": {}}'], "asks nothing of the field 'source'"),
        (["--rerank-top", "9"], "--rerank-top goes with --rerank"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_model_is_loaded(
    won, place, capsys, options, told, tmp_path
):
    assert told in run(capsys, "search", won, "x", *place, *options, code=2).err
    assert told in run(capsys, "search", tmp_path, "x", *place, *options, code=2).err
