"""Examples: the columns say what kind of data it is, and each kind is read as what it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tunewise.data.examples import LabelledTexts, ScoredPairs, read_examples
from tunewise.errors import DataError, OptionError
from tunewise.task import Task

REAL = Path(os.environ.get("TUNEWISE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def findings(examples: Task | ScoredPairs | LabelledTexts) -> dict[str, tuple[str, ...]]:
    return {each.code: each.examples for each in examples.findings}


def scored(rows: int = 60, names: str = "sentence1,sentence2,score") -> str:
    lines = [f"left number{n},right number{n},{n % 6}" for n in range(rows)]
    return "\n".join([names, *lines]) + "\n"


def labelled(rows: int = 60, names: str = "text,label") -> str:
    return "\n".join([names, *(f"say number{n},{'abc'[n % 3]}" for n in range(rows))]) + "\n"


@pytest.mark.parametrize(
    "names",
    [
        "sentence1,sentence2,score",
        "sentence_A,sentence_B,similarity",
        "Text 1,Text 2,label",
        "question1,question2,is_duplicate",
        "first,second,score",
    ],
)
def test_two_texts_of_one_kind_with_a_score_are_scored_pairs(tmp_path: Path, names: str) -> None:
    examples = read_examples(write(tmp_path / "p.csv", scored(names=names)))
    assert isinstance(examples, ScoredPairs)
    assert "scored pairs" in findings(examples)["D060"][0]
    assert names.split(",")[0] in findings(examples)["D060"][0]


@pytest.mark.parametrize(
    "names", ["text,label", "utterance,intent", "Sentence,Class", "text,category"]
)
def test_a_text_with_a_label_is_a_labelled_text(tmp_path: Path, names: str) -> None:
    examples = read_examples(write(tmp_path / "p.csv", labelled(names=names)))
    assert isinstance(examples, LabelledTexts)
    assert examples.names == ["a", "b", "c"]
    assert "labelled texts" in findings(examples)["D060"][0]


@pytest.mark.parametrize(
    "names", ["question,answer,category", "query,text,label", "sentence1,sentence2,negative"]
)
def test_anything_else_is_a_task_as_read_task_gives_it(tmp_path: Path, names: str) -> None:
    rows = "\n".join(f"ask {n},tell {n},{n % 2}" for n in range(4))
    examples = read_examples(write(tmp_path / "p.csv", f"{names}\n{rows}\n"))
    assert isinstance(examples, Task)
    assert "retrieval" in findings(examples)["D060"][0]


def test_a_beir_folder_is_a_task_and_nothing_had_to_be_decided(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", '{"_id": "d1", "text": "300 m"}\n')
    write(tmp_path / "queries.jsonl", '{"_id": "q1", "text": "how tall"}\n')
    write(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    examples = read_examples(tmp_path)
    assert isinstance(examples, Task)
    assert examples.findings == ()
    with pytest.raises(OptionError, match="kind='scored'"):
        read_examples(tmp_path, kind="scored")


def test_a_kind_that_is_given_holds_whatever_the_columns_say(tmp_path: Path) -> None:
    examples = read_examples(write(tmp_path / "p.csv", scored()), kind="retrieval")
    assert isinstance(examples, Task)
    assert "D060" not in findings(examples)
    queries = write(tmp_path / "q.csv", labelled(names="query,intent"))
    assert isinstance(read_examples(queries, kind="labelled"), LabelledTexts)


def test_a_role_that_is_named_says_the_kind(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", scored(names="links,rechts,note"))
    columns = {"first": "links", "second": "rechts", "score": "note"}
    examples = read_examples(path, columns=columns, seed=3)
    assert isinstance(examples, ScoredPairs)
    assert examples.read_with == {"columns": columns, "seed": 3}
    again = read_examples(examples.source, **examples.read_with)
    assert again.fingerprint == examples.fingerprint
    path = write(tmp_path / "l.csv", labelled(names="satz,art"))
    examples = read_examples(path, columns={"text": "satz", "label": "art"})
    assert isinstance(examples, LabelledTexts)


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", scored())
    with pytest.raises(OptionError, match="no kind 'pairs'"):
        read_examples(path, kind="pairs")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="documents= go with retrieval"):
        read_examples(path, kind="scored", documents=path)
    with pytest.raises(OptionError, match="names a role 'left'"):
        read_examples(path, columns={"left": "sentence1"})
    with pytest.raises(OptionError, match="seed is -1"):
        read_examples(path, seed=-1)
    with pytest.raises(DataError, match="has no column for the label"):
        read_examples(write(tmp_path / "t.csv", "text,x\na,b\n"), kind="labelled")
    with pytest.raises(OptionError, match="no part 'validation'"):
        read_examples(path).take("validation")  # type: ignore[union-attr]


@pytest.mark.parametrize("ending", ["tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_examples(tmp_path: Path, ending: str) -> None:
    pairs = read_examples(write(tmp_path / "p.csv", scored()))
    rows = [
        {"sentence1": f"left number{n}", "sentence2": f"right number{n}", "score": n % 6}
        for n in range(60)
    ]
    path = tmp_path / f"p.{ending}"
    if ending == "tsv":
        write(path, scored().replace(",", "\t"))
    elif ending == "jsonl":
        write(path, "\n".join(map(json.dumps, rows)))
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        arrow = pytest.importorskip("pyarrow")
        parquet.write_table(arrow.Table.from_pylist(rows), path)
    assert read_examples(path).fingerprint == pairs.fingerprint


# Triplets


def test_a_negative_that_says_what_its_positive_says_is_left_out_and_told(tmp_path: Path) -> None:
    rows = "a,the  tower,the tower\nb,the bridge,the ferry\nc,a well,a well\n"
    path = write(tmp_path / "t.csv", "anchor,positive,negative\n" + rows)
    task = read_examples(path)
    assert isinstance(task, Task)
    assert [sorted(grades.values()) for grades in task.judgments.values()] == [[1], [0, 1], [1]]
    assert findings(task)["D015"] == (f"Line 2 of '{path}'", f"Line 4 of '{path}'")


def test_triplets_whose_negatives_all_equal_the_positive_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "anchor,positive,negative\na,x,x\nb,y, y \n")
    with pytest.raises(DataError, match=r"Every negative of .*Line 2 of"):
        read_examples(path)


def test_several_negatives_in_columns_or_lists_are_judged_not_relevant(tmp_path: Path) -> None:
    lists = {"query": "a", "positive": "x", "negatives": ["y", "x", "z"]}
    task = read_examples(write(tmp_path / "t.jsonl", json.dumps(lists)))
    assert isinstance(task, Task)
    assert sorted(task.judgments["q1"].values()) == [0, 0, 1]
    assert len(findings(task)["D015"]) == 1


# Real sets


def real(name: str) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip(f"the real data set {name} is not here (TUNEWISE_DATA)")
    return REAL / name


def test_the_sts_benchmark_is_scored_pairs_with_its_own_parts() -> None:
    pairs = read_examples(real("stsb"))
    assert isinstance(pairs, ScoredPairs)
    assert [len(pairs.take(part)) for part in ("train", "dev", "test")] == [5749, 1500, 1379]
    assert pairs.scale == (0.0, 5.0)
    assert (pairs.scores.min(), pairs.scores.max()) == (0.0, 1.0)
    assert "D071" not in findings(pairs)
    told = {each.code: each.count for each in pairs.findings}
    assert told["D067"] / 1379 == pytest.approx(0.2, abs=0.02)  # word for word alone: 0.18


def test_intents_with_a_dev_part_keep_their_parts() -> None:
    texts = read_examples(real("clinc150"))
    assert isinstance(texts, LabelledTexts)
    assert [len(texts.take(part)) for part in ("train", "dev", "test")] == [15100, 3100, 5500]
    assert len(texts.names) == 151


@pytest.mark.parametrize(("name", "labels", "train"), [("banking77", 77, 10003),
                                                       ("germeval2018", 2, 5009)])  # fmt: skip
def test_texts_without_a_dev_part_get_one_from_train_with_the_same_shares_of_labels(
    name: str, labels: int, train: int
) -> None:
    texts = read_examples(real(name))
    assert isinstance(texts, LabelledTexts)
    assert len(texts.names) == labels
    dev, rest = texts.take("dev"), texts.take("train")
    assert len(dev) == 1000
    assert len(dev) + len(rest) == train
    assert not set(dev.groups) & set(rest.groups)
    shares = [np.bincount(part.labels, minlength=labels) / len(part) for part in (dev, rest)]
    np.testing.assert_allclose(*shares, atol=0.002)
