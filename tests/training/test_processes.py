"""Two processes train as one does with all the rows: same losses, and nearly the same weights."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from joint_runs import RUNS, run
from safetensors.torch import load_file, save_file
from tiny_models import WORDS, make_model

from tunewise.encoders.threads import one_thread

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SAME_LOSS, SAME_SCORE = 2e-6, 1e-6
SAME_WEIGHTS = 2e-5
"""Sums in another order differ by their rounding, of which Adam makes a little more: of weights
that moved by 1e-3 a step, a fiftieth of one step."""


def start(*command):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder in which all runs were made, by one process and by two."""
    home = tmp_path_factory.mktemp("joint")
    shutil.copytree(make_model(home / "made"), home / "model")
    shutil.copytree(home / "model", home / "poisoned")
    weights = load_file(home / "model" / "model.safetensors")
    (name,) = [name for name in weights if "word_embeddings" in name]
    weights[name][WORDS.index("wagon")] = float("nan")
    save_file(weights, home / "poisoned" / "model.safetensors", metadata={"format": "pt"})
    with one_thread():
        for name in RUNS:
            run(name, home, "1")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2)
    done = start(*torchrun, HERE / "joint_runs.py", home)
    assert done.returncode == 0, done.stderr[-3000:]
    return home


def came_of(home, processes, name):
    told = json.loads((home / processes / name / "tuned.json").read_text())
    return told, load_file(home / processes / name / "weights.safetensors")


@pytest.mark.parametrize("name", [name for name in RUNS if name != "poisoned"])
def test_two_processes_train_as_one_does_with_the_whole_batch(home, name):
    (one, weights), (two, others) = (came_of(home, count, name) for count in ("1", "2"))
    assert one["steps"] == two["steps"] == one["of_steps"] == 4
    for look, other in zip(one["looks"], two["looks"], strict=True):
        assert other["loss"] == pytest.approx(look["loss"], abs=SAME_LOSS)
        assert other["score"] == pytest.approx(look["score"], abs=SAME_SCORE)
    assert weights.keys() == others.keys()
    assert max(float((weights[n] - others[n]).abs().max()) for n in weights) < SAME_WEIGHTS
    base = load_file(home / "model" / "model.safetensors")
    if name != "cosent":  # which learns another thing than the exam asks
        moved = [
            float((weights[n] - base[n.removeprefix("0.model.")]).abs().max()) for n in weights
        ]
        assert max(moved) > 5e-4


def test_a_run_stopped_twice_ends_as_one_that_was_not(home):
    for processes in ("1", "2"):
        whole, weights = came_of(home, processes, "ranking")
        stopped, others = came_of(home, processes, "stopped")
        assert stopped["looks"] == whole["looks"]
        assert all(bool((weights[name] == others[name]).all()) for name in weights)


def test_when_one_process_meets_what_is_no_number_all_stop(home):
    (one, _), (two, _) = (came_of(home, count, "poisoned") for count in ("1", "2"))
    assert one["steps"] == two["steps"] < 4
    assert "training stopped there" in one["notes"][-1]
    assert "training stopped there" in two["notes"][-1]
