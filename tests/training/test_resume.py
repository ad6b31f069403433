"""Runs that are killed: started again they end with the bits of one that was not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import a_lesson, a_recipe, an_exam

from tunewise.training.tuning import tune_encoder


class KilledError(Exception):
    pass


def stopped(bert, recipe, folder, step):
    """A run that ended with an error at this step, saved after each step."""

    def stop(what, at, steps):
        if at == step:
            raise KilledError

    with pytest.raises(KilledError):
        tune_encoder(bert, a_lesson(), recipe, an_exam(), folder, save_every=0, progress=stop)


def steps_made(bert, recipe, folder):
    seen = []
    tuned = tune_encoder(
        bert, a_lesson(), recipe, an_exam(), folder, progress=lambda _what, at, _of: seen.append(at)
    )
    return seen, tuned


def same(one, other):
    assert other.looks == one.looks  # with their losses: the order of the data
    assert other.frontier == one.frontier
    assert (other.steps, other.notes) == (one.steps, one.notes)
    assert other.weights.read_bytes() == one.weights.read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(small_bert, tmp_path_factory):
    from tiny_models import encoder_of

    recipe = a_recipe("full", learning_rate=1e-2)
    folder = tmp_path_factory.mktemp("whole")
    return tune_encoder(encoder_of(small_bert), a_lesson(), recipe, an_exam(), folder)


@pytest.mark.slow
def test_a_run_goes_on_from_its_last_step_to_the_same_weights(bert, uninterrupted, tmp_path):
    stopped(bert, uninterrupted.recipe, tmp_path, 4)
    (checkpoint,) = tmp_path.glob("checkpoint-*")
    assert checkpoint.name == "checkpoint-3"
    seen, tuned = steps_made(bert, uninterrupted.recipe, tmp_path)
    assert seen == [3, 4, 5, 6]
    same(uninterrupted, tuned)


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["looks.json", "best-2.safetensors", "trainer_state.json"])
def test_where_something_is_missing_a_run_begins_anew(bert, uninterrupted, tmp_path, gone):
    stopped(bert, uninterrupted.recipe, tmp_path, 4)
    for path in [*tmp_path.rglob(gone)]:
        path.unlink()
    seen, tuned = steps_made(bert, uninterrupted.recipe, tmp_path)
    assert seen[0] == 0
    same(uninterrupted, tuned)


@pytest.mark.slow
def test_what_was_half_written_is_not_used_and_taken_away(bert, uninterrupted, tmp_path):
    stopped(bert, uninterrupted.recipe, tmp_path, 4)
    (checkpoint,) = tmp_path.glob("checkpoint-*")
    shutil.copytree(checkpoint, tmp_path / ".checkpoint-4.abc")
    (tmp_path / ".checkpoint-4.abc" / "trained.safetensors").write_bytes(b"half")
    (tmp_path / ".best-4.safetensors.abc").write_bytes(b"half")
    seen, tuned = steps_made(bert, uninterrupted.recipe, tmp_path)
    assert seen == [3, 4, 5, 6]
    same(uninterrupted, tuned)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_a_run_of_several_processes_is_not_gone_on_with_by_one(bert, uninterrupted, tmp_path):
    stopped(bert, uninterrupted.recipe, tmp_path, 4)
    begun = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(begun | {"processes": 2}))
    seen, tuned = steps_made(bert, uninterrupted.recipe, tmp_path)
    assert seen[0] == 0
    same(uninterrupted, tuned)


@pytest.mark.slow
def test_a_run_stopped_by_patience_is_not_taken_further_by_a_restart(bert, tmp_path):
    recipe = a_recipe("full", looks=6, patience=1, learning_rate=1e-6, warm_up=0)
    whole = tune_encoder(bert, a_lesson(), recipe, Sinking(), tmp_path / "whole", save_every=0)
    assert whole.steps == 1

    def stop(what, at, steps):
        if at == 1:
            raise KilledError

    folder = tmp_path / "run"
    with pytest.raises(KilledError):
        tune_encoder(bert, a_lesson(), recipe, Sinking(), folder, save_every=0, progress=stop)
    again = tune_encoder(bert, a_lesson(), recipe, Sinking(), folder, save_every=0)
    assert again.steps == 1


class Sinking:
    """An exam in which the base is best."""

    metric = "nearness"
    texts = ((("the kettle", "the ladder"), "documents"),)

    def __init__(self):
        self._base = None

    def __call__(self, encode):
        found = encode(self.texts[0][0], "documents")
        self._base = found if self._base is None else self._base
        return float(-abs(found - self._base).sum())


@pytest.mark.slow
def test_a_run_that_is_killed_ends_with_the_bits_of_one_that_is_not():
    asked = ["random:lora:4", "random:partial:4", "writes:full:120"]
    script = Path(__file__).with_name("killed_runs.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(script), *asked],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["asked"] for one in found] == asked
    for one in found:
        assert one["finished"] > 0, one
        assert one["differ"] == 0, one
