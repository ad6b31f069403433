"""`tunewise negatives`: what lies in the file, what is printed, what is refused."""

import json
from dataclasses import replace

import pytest

import tunewise
from tunewise.cli import main
from tunewise.data.split import divide
from tunewise.testing import tiny_task
from tunewise.training.negatives import read_negatives

pytestmark = pytest.mark.usefixtures("home")

ENCODER = ["--encoder", "word-hash"]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_negatives_are_mined_with_the_best_on_dev_and_can_be_read_back(home, capsys):
    assert main(["negatives", "tiny", "--out", "mined.jsonl", *ENCODER, "--per-query", "2"]) == 0
    out = capsys.readouterr().out
    assert "best on dev (nDCG@10: lexical 0." in out
    assert "Passed over:" in out
    assert out.count("  negative  How to") == 3
    training = divide(tunewise.read_task("tiny")).training
    found = read_negatives(home / "mined.jsonl", training)
    assert len(lines(home / "mined.jsonl")) == len(training.train)
    assert f"{len(found)} negatives for {len(training.train)} train queries" in out
    assert found.per_query == 2


def test_who_ranks_can_be_named_or_be_what_measure_left(home, capsys):
    untuned = ["--try", "lexical,pretrained", "--out", "told"]
    assert main(["measure", "tiny", *ENCODER, *untuned]) == 0
    for number, who in enumerate(("lexical", "told", "told/base")):
        assert main(["negatives", "tiny", "--out", f"{number}.jsonl", "--contender", who]) == 0
    assert "ranked by lexical" in capsys.readouterr().out


def test_without_filters_more_is_left_in(home):
    for name, extra in (("with", []), ("without", ["--no-filter"])):
        options = ["--contender", "lexical", "--per-query", "30", *extra]
        assert main(["negatives", "tiny", "--out", f"{name}.jsonl", *options]) == 0
    kept, naive = (
        sum(len(line["negatives"]) for line in lines(home / f"{name}.jsonl"))
        for name in ("with", "without")
    )
    assert naive > kept > 0


def test_a_task_without_train_queries_is_refused(home, capsys):
    task = tiny_task()
    parts = dict.fromkeys(task.judgments, "test") | {f"q{n}": "dev" for n in range(20)}
    tunewise.write_task(replace(task, parts=parts), home / "untrained")
    assert main(["negatives", "untrained", "--out", "none.jsonl", *ENCODER]) == 2
    assert "has no train queries" in capsys.readouterr().err
    assert not (home / "none.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--contender", "best"], "no contender and no folder 'best'"),
        (["--contender", "."], "holds no contender"),
        (["--last-rank", "500"], "rankings hold 200"),
        (["--per-query", "0", "--contender", "lexical"], "Ask for 1 or more"),
        (["--margin", "2", "--contender", "lexical"], "relative margin is 2"),
        (["--metric", "speed"], "speed"),
    ],
)
def test_what_cannot_be_done_is_said(capsys, options, told):
    assert main(["negatives", "tiny", "--out", "no.jsonl", *ENCODER, *options]) == 2
    assert told in capsys.readouterr().err
