"""`tunewise search` for many queries and by a graph: what is printed, kept and refused."""

import json

import pytest

from tunewise.cli import main

pytestmark = pytest.mark.usefixtures("home")

ASKED = "mend my old violin\n\n  paint a saddle  \n"


@pytest.fixture(scope="module")
def measured(home):
    """The folder of a verdict whose winner is a hybrid; a file of two queries beside it."""
    options = ["--encoder", "word-hash", "--try", "lexical,pretrained,hybrid"]
    assert main(["measure", "tiny", *options, "--out", "measured"]) == 0
    (home / "asked.txt").write_text(ASKED, encoding="utf-8")
    return home / "measured"


@pytest.fixture(scope="module")
def words(home):
    """The folder of a verdict whose winner compares no vectors."""
    options = ["--encoder", "word-hash", "--try", "lexical,pretrained"]
    assert main(["measure", "tiny", *options, "--out", "words"]) == 0
    return home / "words"


def searched(capsys, *arguments):
    """What is printed, line by line as JSON, and what is said beside it."""
    capsys.readouterr()
    assert main(["search", *arguments]) == 0
    out, err = capsys.readouterr()
    return [json.loads(line) for line in out.splitlines()], err


def test_many_queries_are_answered_in_lines_of_json_by_the_winner(measured, capsys):
    hits, said = searched(capsys, "measured", "--queries", "asked.txt", "-k", "3")
    assert [hit["query_id"] for hit in hits] == ["q1"] * 3 + ["q3"] * 3
    assert hits[0].keys() == {"query_id", "document_id", "score"}
    assert (hits[0]["document_id"], hits[3]["document_id"]) == ("d4", "d47")
    assert hits[0]["score"] > hits[1]["score"]
    assert "hybrid: exact: 2 queries of 128 documents do not pay for a graph" in said
    assert not (measured / "graph").exists()


def test_queries_of_a_table_keep_their_ids(measured, home, capsys):
    rows = [{"_id": "first", "text": "mend my old violin"}, {"_id": "7", "text": "paint a saddle"}]
    (home / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    hits, _ = searched(capsys, "measured", "--queries", "asked.jsonl", "-k", "1")
    assert [(hit["query_id"], hit["document_id"]) for hit in hits] == [
        ("first", "d4"),
        ("7", "d47"),
    ]


def test_a_graph_is_kept_beside_the_winner_and_told_with_its_recall(measured, home, capsys):
    exactly, _ = searched(capsys, "measured", "--queries", "asked.txt", "--index", "exact")
    first, said = searched(capsys, "measured", "--queries", "asked.txt", "--index", "graph")
    assert "graph, as was asked, built now and kept in 'measured/graph'" in said
    assert "recall@10 1.000 against exact search, asked 128 queries" in said
    again, said = searched(capsys, "measured", "--queries", "asked.txt", "--index", "graph")
    assert "graph, as was asked, kept in 'measured/graph'" in said
    assert first == again
    assert [hit["document_id"] for hit in first] == [hit["document_id"] for hit in exactly]
    (measured / "graph" / "graph.usearch").write_bytes(b"")
    _, said = searched(capsys, "measured", "--queries", "asked.txt", "--index", "graph")
    assert "is damaged" in said
    assert "built now" in said


def test_one_query_may_be_searched_by_a_graph_too(measured, capsys):
    arguments = ["search", "measured", "mend a violin", "-k", "2"]
    assert main(arguments) == 0
    plain = capsys.readouterr().out
    assert main([*arguments, "--index", "graph"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(plain.rstrip("\n"))
    assert told.splitlines()[-1].startswith("hybrid: graph, as was asked")


@pytest.mark.slow
def test_a_shrunk_winner_is_searched_in_its_form(measured, capsys):
    assert main(["shrink", "measured", "--keep", "0.8"]) == 0
    for index in ("auto", "graph"):
        hits, said = searched(capsys, "measured", "--queries", "asked.txt", "--index", index)
        assert len(hits) == 10
        assert "vectors are searched as" in said
        assert ("a graph would be of whole vectors" in said) is (index == "graph")
    (measured / "shrink.safetensors").unlink()


def test_a_k_beyond_the_collection_gives_each_document_once(measured, capsys):
    for index in ("exact", "graph"):
        hits, _ = searched(
            capsys, "measured", "--queries", "asked.txt", "-k", "900", "--index", index
        )
        found = [hit["document_id"] for hit in hits if hit["query_id"] == "q1"]
        assert len(found) == len(set(found)) == 128


def test_other_documents_may_be_asked_the_same(measured, home, capsys):
    hits, _ = searched(capsys, "measured", "--queries", "asked.txt", "--on", "tiny", "-k", "1")
    assert [hit["document_id"] for hit in hits] == ["d4", "d47"]
    apart = ["--on", "tiny", "--documents", "corpus.jsonl", "--queries", "tiny/queries.jsonl"]
    hits, _ = searched(capsys, "measured", *apart, "-k", "1")
    assert len(hits) == 128


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (b"", "is empty"),
        (b"\n \n", "holds no queries, only blank lines"),
        (b"caf\xe9\n", "is not UTF-8"),
        (b"PK\x03\x04", "is not a text file"),
        (None, "Cannot read"),
    ],
)
def test_a_file_without_queries_is_refused(measured, home, file, told, capsys):
    path = home / "nothing.txt"
    path.unlink(missing_ok=True)
    if file is not None:
        path.write_bytes(file)
    assert main(["search", "measured", "--queries", "nothing.txt"]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["measured"], "There is nothing to search for"),
        (["measured", ""], "There is nothing to search for"),
        (["measured", " \t"], "There is nothing to search for"),
        (["measured", "", "--queries", "asked.txt"], "There is nothing to search for"),
        (["measured", "", "--collection", "faq"], "There is nothing to search for"),
        (["measured", "--queries", "asked.txt", "-k", "0"], "-k is 0"),
        (["measured", "--queries", "asked.txt", "--index", "flat"], "There is no index 'flat'"),
        (["measured", "words", "--index", "flat"], "There is no index 'flat'"),
        (["words", "--queries", "asked.txt", "--index", "graph"], "compares no vectors"),
        (["words", "violin", "--index", "graph"], "compares no vectors"),
        (["tiny", "--queries", "asked.txt"], "holds no verdict"),
    ],
)
def test_a_mistake_gets_a_message(measured, words, arguments, told, capsys):
    assert main(["search", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_words_are_looked_up_which_is_said(words, capsys):
    hits, said = searched(capsys, "words", "--queries", "asked.txt", "-k", "1")
    assert [hit["document_id"] for hit in hits] == ["d4", "d47"]
    assert "lexical: exact: words are looked up" in said
