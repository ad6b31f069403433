"""`tunewise tune` as a user types it: exit code, what is printed, what is left on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunewise.cli import main
from tunewise.testing import tiny_task

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]

QUICK = ["--epochs", "3", "--learning-rate", "0.003", "--keep", "none"]


@pytest.fixture(scope="module")
def encoder(word_model):
    return ["--encoder", str(word_model)]


@pytest.fixture(scope="module")
def tuned(home, encoder):
    """The folder that a tuning in full wrote."""
    assert main(["tune", "tiny", "--rung", "full", "--out", "out", *encoder, *QUICK]) == 0
    return home / "out"


def test_tune_says_what_it_gained_and_what_to_type_next(home, encoder, capsys):
    assert main(["tune", "tiny", "--rung", "partial", "--out", "told", *encoder, *QUICK]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Tuned (partial): nDCG@10 0.")
    assert "- Loss: ranking (pairs without negatives" in told
    assert "- Recipe: 3 epochs of 77 rows" in told
    assert "Report: told/report.html   Model card: told/README.md" in told
    assert 'Try it:  tunewise search told "your words"' in told


def test_search_and_compare_take_the_folder_as_they_take_measures(tuned, capsys):
    assert main(["search", "out", "fix my kettle", "-k", "1"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert [side.strip() for side in head.split("│")] == ["pretrained", "full"]
    assert main(["compare", "out", "out/base", "--on", "tiny", "--metric", "nDCG@10"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    facts = json.loads((tuned / "tuned.json").read_text(encoding="utf-8"))
    assert line.split()[1] == f"{facts['gain']['tuned']['mean']:.3f}"
    assert line.split()[2] == f"{facts['gain']['base']['mean']:.3f}"


def test_the_command_in_the_recipe_makes_the_same_model_again(tuned, home):
    import shlex

    recipe = json.loads((tuned / "recipe.json").read_text(encoding="utf-8"))
    words = shlex.split(recipe["command"].replace(" DIR", " again"))
    assert main(words[1:]) == 0
    made = (home / "again" / "model" / "model.safetensors").read_bytes()
    assert made == (tuned / "model" / "model.safetensors").read_bytes()


def test_mined_negatives_are_taken_from_their_file(home, encoder):
    mined = ["negatives", "tiny", "--out", "mined.jsonl", "--per-query", "2"]
    assert main([*mined, "--contender", "lexical"]) == 0
    options = ["--negatives-from", "mined.jsonl", "--out", "mined"]
    assert main(["tune", "tiny", "--rung", "full", *options, *encoder, *QUICK]) == 0
    facts = json.loads((home / "mined" / "tuned.json").read_text(encoding="utf-8"))
    assert facts["recipe"]["negatives"] == 2
    assert facts["notes"][0].startswith("negatives are those of 'mined.jsonl': 58 for 77")
    assert "--negatives-from mined.jsonl" in facts["reproduce"]


def test_scored_pairs_in_a_table_are_tuned_on(home, encoder, capsys):
    task = tiny_task()
    rows = [f'"{q}","{d}",5\n' for q, d in zip(task.queries.texts, task.documents.texts,
                                               strict=True)]  # fmt: skip
    rows += [f'"{q}","{d}",0\n' for q, d in zip(task.queries.texts, task.documents.texts[::-1],
                                                strict=True)]  # fmt: skip
    (home / "scored.csv").write_text("sentence1,sentence2,score\n" + "".join(rows))
    assert main(["tune", "scored.csv", "--rung", "full", *encoder, *QUICK]) == 0
    told = capsys.readouterr().out
    assert "Spearman" in told
    assert "tunewise search" not in told
    assert (home / "tunewise-out" / "scored-full" / "model").is_dir()


def test_the_first_of_several_processes_alone_writes_and_prints(home, encoder, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert main(["tune", "nothing", "--out", "second", *encoder]) == 2
    assert capsys.readouterr().err == ""
    assert not (home / "second").exists()


def test_without_the_packages_the_command_that_installs_them_is_told(
    home, encoder, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "peft", None)
    assert main(["tune", "tiny", "--out", "no", *encoder, *QUICK]) == 2
    assert "pip install 'tunewise[tune]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--matryoshka", "24,x"], "--matryoshka takes numbers such as 256,128,64"),
        (["--matryoshka", "512"], "Matryoshka cannot train 512 dimensions"),
        (["--negatives", "-2"], "A row cannot have -2 negatives"),
        (["--negatives", "2", "--negatives-from", "mined.jsonl"], "Give one of the two"),
        (["--negatives-from", "missing.jsonl"], "missing.jsonl"),
        (["--budget", "soon"], "--budget takes a time"),
        (["--budget", "0s"], "--budget is 0.0"),
        (["--batch", "1000"], "Give --batch 77 at the most"),
        (["--loss", "mine"], "There is no loss 'mine'"),
        (["--loss", "triplet-cosine"], "or mine negatives, which makes triplets of pairs"),
        (["--keep", "missing"], "missing"),
        (["--keep", "labels.csv"], "is no retrieval task"),
        (["--track", "diary"], "cannot be tracked with 'diary'"),
        (["--encoder", "word-hash"], "Use --rung adapter"),
        (["--rung", "adapter", "--epochs", "2"], "--epochs does not go with --rung adapter"),
        (["--out", "tiny/corpus.jsonl"], "Cannot write to"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(home, encoder, capsys, options, told):
    labels = [f"{text},{text.split()[0]}\n" for text in tiny_task().queries.texts]
    (home / "labels.csv").write_text("text,label\n" + "".join(labels))
    arguments = ["tune", "tiny", "--out", "refused", "--keep", "none", *encoder, *options]
    assert main(arguments) == 2
    assert told in capsys.readouterr().err
    assert not (home / "refused" / "tuned.json").exists()


def test_somebody_elses_model_is_not_replaced(home, encoder, capsys):
    (home / "mine" / "model").mkdir(parents=True)
    (home / "mine" / "model" / "weights").write_text("precious")
    assert main(["tune", "tiny", "--out", "mine", *encoder, *QUICK]) == 2
    assert "was not written by Tunewise" in capsys.readouterr().err


def test_two_processes_tune_together_and_one_of_them_tells(home, encoder):
    torchrun = Path(sys.executable).with_name("torchrun")
    command = [torchrun, "--nproc-per-node", "2", "-m", "tunewise", "tune", "tiny"]
    options = ["--rung", "full", "--out", "together", *encoder, *QUICK]
    ran = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("Tuned (full)") == 1
    assert (home / "together" / "tuned.json").is_file()
