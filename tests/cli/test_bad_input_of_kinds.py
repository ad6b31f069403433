"""What no kind can use is refused with one message, exit code 2, and nothing half-written."""

import json
import re
from collections.abc import Callable, Sequence
from html import unescape
from itertools import pairwise, product
from pathlib import Path

import pytest

from tunewise.cli import main

TEXTS = [
    f"{act} my {look} {thing}"
    for act, look, thing in product(
        ("mend", "sell", "wash", "ship"), ("red", "old", "new"), ("boat", "bike", "lamp", "coat")
    )
]
Refused = Callable[..., str]


def table(head: str, rows: Sequence[Sequence[object]]) -> str:
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture
def refused(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """The message of `measure` over this content, which it has to refuse."""

    def message(kind: str, content: str, *more: str) -> str:
        path, out = tmp_path / "data.csv", tmp_path / "out"
        path.write_text(content)
        command = ["measure", str(path), "--kind", kind, "--encoder", "word-hash", *more]
        assert main([*command, "--out", str(out)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert not out.exists() or not any(out.iterdir())
        (said,) = [line for line in told.err.splitlines() if line.startswith("tunewise: ")]
        assert "Traceback" not in told.err
        return said

    return message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (table("text,label", [(t, "a") for t in TEXTS]), "have the label 'a', so there is nothing"),
        (table("text,label", [("", "a") for _ in TEXTS]), "all 48 lack a text or a label"),
        (table("text,label", [(t, "") for t in TEXTS]), "all 48 lack a text or a label"),
        (table("text,label", [(t, n) for n, t in enumerate(TEXTS)]), "of most labels there is one"),
        (
            table("text,label,split", [(t, "ab"[n % 2], "test") for n, t in enumerate(TEXTS)]),
            "no train part",
        ),
        ("text,label\n", "holds no rows that can be used"),
    ],
)
def test_texts_whose_labels_teach_nothing_are_refused(
    refused: Refused, content: str, says: str
) -> None:
    assert says in refused("classification", content)


def test_a_label_of_test_that_train_lacks_is_told_of_and_measured(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(t, "ab"[n % 2], ("train", "dev", "test")[n % 3]) for n, t in enumerate(TEXTS)]
    rows += [("quite another thing", "c", "test")]
    Path("unseen.csv").write_text(table("text,label,split", rows))
    command = ["measure", "unseen.csv", "--encoder", "word-hash", "--out", "unseen"]
    assert main([*command, "--try", "majority,neighbours,linear"]) == 0
    facts = json.loads(Path("unseen/verdict.json").read_text())
    assert "c" in next(f for f in facts["findings"] if f["code"] == "D069")["examples"][0]


@pytest.mark.parametrize(
    ("scores", "more", "says"),
    [
        (["high"] * 48, [], "the score 'high', which is not a finite number"),
        ([""] * 48, [], "the score '', which is not a finite number"),
        ([1] * 48, [], "All scores of"),
        ([n * 100 - 500 for n in range(48)], [], "fit no usual scale"),
        ([0, 1] * 24, ["--file", "odd=x.csv"], "'odd' is nothing that similarity asks for"),
    ],
)
def test_pairs_whose_scores_are_none_are_refused(
    refused: Refused, scores: list[object], more: list[str], says: str
) -> None:
    pairs = zip(TEXTS, TEXTS[::-1], scores, strict=True)
    assert says in refused("similarity", table("sentence1,sentence2,score", list(pairs)), *more)


@pytest.mark.parametrize("score", [2, 5])
def test_test_pairs_of_one_score_are_refused_since_nothing_is_in_order(
    refused: Refused, score: int
) -> None:
    rows = [
        (one, other, score if n % 3 == 2 else n % 6, ("train", "dev", "test")[n % 3])
        for n, (one, other) in enumerate(pairwise(TEXTS))
    ]
    told = refused("similarity", table("sentence1,sentence2,score,split", rows))
    assert "test pairs of" in told
    assert "scored alike, so it cannot be measured who puts pairs in order" in told


@pytest.mark.parametrize(
    ("rows", "more", "says"),
    [
        (TEXTS, ["--set", "groups=500"], "500 groups were asked for, but the train part"),
        (TEXTS, ["--set", "groups=many"], "'many' is no number of groups"),
        (TEXTS, ["--file", "items=x.csv"], "'items' is nothing that clustering asks for"),
        (["the same words"] * 48, [], "has 48 rows in 1 groups"),
    ],
)
def test_texts_that_cannot_be_grouped_so_are_refused(
    refused: Refused, rows: list[str], more: list[str], says: str
) -> None:
    assert says in refused("clustering", table("text", [(text,) for text in rows]), *more)


@pytest.mark.parametrize(
    ("odd", "more", "says"),
    [
        ("perhaps", [], "'perhaps' in the column that marks odd texts"),
        ("1", [], "are marked as odd, so there is nothing that they differ from"),
        ("0", [], "has no text that is marked as odd"),
        ("0", ["--set", "alarms=7"], "alarms='7' is no share"),
        ("0", ["--file", "odd=nosuch.csv"], "'nosuch.csv' does not exist"),
    ],
)
def test_texts_of_which_it_is_not_known_what_is_odd_are_refused(
    refused: Refused, odd: str, more: list[str], says: str
) -> None:
    assert says in refused("anomaly", table("text,odd", [(t, odd) for t in TEXTS]), *more)


@pytest.mark.parametrize(
    ("rows", "more", "says"),
    [
        ([(f"u{n}", f"i{n % 7}", n) for n in range(40)], [], "0 of the 40 users"),
        ([(f"u{n % 9}", "same", n) for n in range(40)], [], "two different items or more"),
        ([("u", f"i{n}", n) for n in range(40)], [], "1 of the 1 users"),
        ([(f"u{n % 5}", f"i{n % 7}", "soon") for n in range(40)], [], "has the time 'soon'"),
        (
            [(f"u{n % 5}", f"i{n % 7}", n) for n in range(40)],
            ["--set", "split=2099-01-01"],
            "something after (split=2099-01-01)",
        ),
        (
            [(f"u{n % 5}", f"i{n % 7}", n) for n in range(40)],
            ["--set", "split=-5"],
            "chosen before the test begins",
        ),
    ],
)
def test_histories_in_which_nothing_can_be_foreseen_are_refused(
    refused: Refused, rows: list[tuple[object, ...]], more: list[str], says: str
) -> None:
    assert says in refused("recommendation", table("user,item,timestamp", rows), *more)


@pytest.mark.parametrize("role", ["items", "users"])
def test_a_file_that_tells_of_nothing_in_the_interactions_is_refused(
    refused: Refused, tmp_path: Path, role: str
) -> None:
    beside = tmp_path / f"{role}.csv"
    beside.write_text("id,text\nx,green tea\n")
    rows = [(f"u{n % 5}", f"i{n % 7}", n) for n in range(40)]
    told = refused(
        "recommendation", table("user,item,timestamp", rows), "--file", f"{role}={beside}"
    )
    assert f"no text of any {role[:-1]} of the interactions" in told
    assert "it has 'x'" in told


def test_a_rating_in_words_is_refused(refused: Refused) -> None:
    rows = [(f"u{n % 5}", f"i{n % 7}", "good", n) for n in range(40)]
    told = refused("recommendation", table("user,item,rating,timestamp", rows))
    assert "has the rating 'good', which is not a number" in told


def test_ratings_are_known_for_what_they_are_without_a_kind(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"u{n % 9}", f"i{n * n % 11}", n % 5 + 1, n) for n in range(90)]
    Path("ratings.csv").write_text(table("userId,movieId,rating,timestamp", rows))
    assert main(["measure", "ratings.csv", "--try", "popular", "--encoder", "word-hash"]) == 0
    assert "tunewise recommend" in capsys.readouterr().out
    assert main(["forecast", "ratings.csv"]) == 2
    assert "looks like data for recommendation" in capsys.readouterr().err


def test_where_tuning_has_nothing_to_learn_from_that_is_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("plain.csv").write_text(table("text", [(text,) for text in TEXTS]))
    command = ["measure", "plain.csv", "--kind", "clustering", "--encoder", "word-hash"]
    assert main([*command, "--try", "kmeans,adapter", "--out", "plain"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "None could be fitted: what it learns from is not in the data." in told
    assert "Name adapter" not in told


def test_where_the_budget_left_no_time_to_tune_more_of_it_is_advised(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(t, t.split()[0]) for t in TEXTS]
    Path("intents.csv").write_text(table("text,label", rows))
    command = [
        "measure",
        "intents.csv",
        "--encoder",
        "word-hash",
        "--try",
        "lexical,linear,adapter",
    ]
    assert main([*command, "--budget", "0.001s", "--out", "short cut"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "The budget left no time for one (adapter), nor for all that is untuned (linear), which "
        "may do better too: give more with --budget." in told
    )
    again = f"tunewise {' '.join(command[:2])} --kind classification --encoder word-hash "
    again += "--out 'short cut' --try lexical,linear,adapter --budget 1m --seed 0"
    assert told.endswith(f"With more time: {again}")
    page = unescape(re.sub(r"<[^>]*>", "", Path("short cut/report.html").read_text()))
    assert again in page
    assert "tunewise predict 'short cut' " in page


def test_what_try_left_out_is_asked_for_by_that_name(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(t, t.split()[0]) for t in TEXTS]
    Path("intents.csv").write_text(table("text,label", rows))
    command = ["measure", "intents.csv", "--encoder", "word-hash", "--try", "lexical"]
    assert main([*command, "--out", "alone"]) == 0
    assert "Name adapter with --try" in " ".join(capsys.readouterr().out.split())


def test_records_without_the_field_asked_for_are_answered_or_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(t, t.split()[0]) for t in TEXTS]
    Path("intents.csv").write_text(table("text,label", rows))
    command = ["measure", "intents.csv", "--encoder", "word-hash", "--out", "intents"]
    assert main([*command, "--try", "majority,neighbours"]) == 0
    Path("new.jsonl").write_text('{"text": "mend it", "id": 7}\n{"id": 8}\n{"text": "sell"}\n')
    capsys.readouterr()
    assert main(["predict", "intents", "new.jsonl"]) == 0
    rows_ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in rows_] == ["7", "8", "3"]
    Path("list.jsonl").write_text('{"text": ["mend", "it"]}\n')
    assert main(["predict", "intents", "list.jsonl"]) == 2
    assert "has a list where a text is needed" in capsys.readouterr().err
