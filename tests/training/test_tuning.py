"""tune_encoder: never worse than the base, stopped in time, nothing lost, nothing left changed."""

import json
import os
import random
import resource
import shutil
import threading
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import THINGS, WORDS, a_lesson, a_recipe, an_exam, encoder_of, make_model, texts

from tunewise.errors import EncoderError, OutputError
from tunewise.training.layers import trained, without_dropout
from tunewise.training.losses import build_loss
from tunewise.training.reading import Reader
from tunewise.training.recipe import RUNGS
from tunewise.training.run_folder import alone
from tunewise.training.sitting import halving
from tunewise.training.trainer import Rows, Trainer
from tunewise.training.tuning import run_name, tune_encoder

pytestmark = pytest.mark.slow  # importing torch alone takes seconds


@dataclass(frozen=True)
class Unmoved:
    """How near texts are to the vectors the base gave them: nobody is better than the base."""

    some: tuple
    base: tuple
    metric: str = "unmoved"

    @property
    def texts(self):
        return ((self.some, "documents"),)

    def __call__(self, encode):
        return float((encode(self.some, "documents") * np.array(self.base)).sum(axis=1).mean())


def unmoved(bert):
    some = tuple(texts(8, 5)[1])
    return Unmoved(some, tuple(map(tuple, bert.encode_documents(some).tolist())))


def base_weights(bert):
    return {name: p.detach().clone() for name, p in bert.copy().named_parameters()}


@pytest.mark.parametrize("rung", RUNGS)
def test_what_only_gets_worse_is_delivered_as_the_base(bert, tmp_path, rung):
    tuned = tune_encoder(bert, a_lesson(), a_recipe(rung), unmoved(bert), tmp_path)
    assert tuned.best().share == 0
    assert [look.score < tuned.looks[0].score for look in tuned.looks[1:]] == [True] * 3
    base = base_weights(bert)
    for name, weight in load_file(tuned.weights).items():
        assert torch.equal(weight, base[name])


@pytest.mark.parametrize("rung", RUNGS)
def test_what_learns_gets_better_and_the_frontier_begins_at_the_base(bert, tmp_path, rung):
    kept = unmoved(bert)
    recipe = a_recipe(rung, learning_rate=1e-2, epochs=4)
    tuned = tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path, keep=kept)
    assert tuned.best().share > 0
    assert tuned.best().score > tuned.looks[0].score
    assert [point.share for point in tuned.frontier] == [0, 0.25, 0.5, 0.75, 1]
    assert tuned.frontier[0].score == tuned.looks[0].score
    assert tuned.frontier[0].kept == pytest.approx(1, abs=1e-6)
    assert tuned.frontier[-1].kept < tuned.frontier[1].kept < 1
    assert tuned.best(loss=0.0).share == 0


def test_only_what_the_rung_trains_is_changed_and_the_pooler_never(bert, tmp_path):
    base = base_weights(bert)
    for rung in RUNGS:
        tuned = tune_encoder(
            bert, a_lesson(), a_recipe(rung, learning_rate=1e-2), an_exam(), tmp_path / rung
        )
        weights = load_file(tuned.weights)
        changed = {name for name in weights if not torch.equal(weights[name], base[name])}
        assert changed
        assert not [name for name in changed if "pooler" in name]
        if rung == "partial":
            assert all(".layer.2." in name or ".layer.3." in name for name in changed)
        if rung == "lora":
            assert all(".layer." in name and name.endswith(".weight") for name in changed)


def test_lora_leaves_a_dense_module_alone_which_its_adapter_could_not_hold(tmp_path):
    dense = encoder_of(make_model(tmp_path, dense=True))
    recipe = a_recipe("lora", learning_rate=1e-2, epochs=4)
    tuned = tune_encoder(dense, a_lesson(), recipe, an_exam(), tmp_path / "run")
    assert all(name.startswith("0.") for name in load_file(tuned.weights))
    full = tune_encoder(dense, a_lesson(), a_recipe("full"), an_exam(), tmp_path / "full")
    assert any(name.startswith("2.") for name in load_file(full.weights))


def test_training_stops_where_looking_shows_nothing_new(bert, tmp_path):
    recipe = a_recipe("full", looks=6, patience=2)
    tuned = tune_encoder(bert, a_lesson(), recipe, unmoved(bert), tmp_path)
    assert (tuned.steps, tuned.of_steps, len(tuned.looks)) == (2, 6, 3)


# ---- numbers that are none


@pytest.mark.parametrize("rung", RUNGS)
def test_a_learning_rate_that_breaks_everything_breaks_nothing(bert, tmp_path, rung):
    recipe = a_recipe(rung, learning_rate=1e9, epochs=4, warm_up=0)
    tuned = tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path)
    assert np.isfinite([look.score for look in tuned.looks]).all()
    assert np.isfinite([point.score for point in tuned.frontier]).all()
    assert all(weight.isfinite().all() for weight in load_file(tuned.weights).values())


@pytest.fixture
def poisoned(small_bert, tmp_path):
    """An encoder to which the word "wagon" is no number."""
    home = tmp_path / "poisoned"
    shutil.copytree(small_bert, home)
    weights = load_file(home / "model.safetensors")
    (name,) = [name for name in weights if "word_embeddings" in name]
    weights[name][WORDS.index("wagon")] = float("nan")
    save_file(weights, home / "model.safetensors", metadata={"format": "pt"})
    return encoder_of(home)


def without_wagons(lesson_or_exam):
    def clean(column):
        return tuple(text.replace("wagon", "pillow") for text in column)

    if hasattr(lesson_or_exam, "columns"):
        return replace(lesson_or_exam, columns=tuple(map(clean, lesson_or_exam.columns)))
    exam = lesson_or_exam
    return replace(exam, first=clean(exam.first), second=clean(exam.second))


@pytest.mark.parametrize("rung", RUNGS)
def test_a_loss_that_is_no_number_stops_training_and_the_best_before_it_is_kept(
    poisoned, tmp_path, rung
):
    lesson = without_wagons(a_lesson(48))
    lesson = replace(lesson, columns=(lesson.columns[0], [*lesson.columns[1][:-1], "wagon"]))
    recipe = a_recipe(rung, learning_rate=1e-2, looks=24, patience=24, batch=4)
    exam = without_wagons(an_exam())
    tuned = tune_encoder(poisoned, lesson, recipe, exam, tmp_path / "run")
    assert 0 < tuned.steps < tuned.of_steps
    assert tuned.looks[-1].step == tuned.steps
    (note,) = tuned.notes
    assert f"the loss became nan at step {tuned.steps + 1}: training stopped there" in note
    assert tuned.best().score >= tuned.looks[0].score
    # nothing is trained again, and nothing is forgotten
    assert tune_encoder(poisoned, lesson, recipe, exam, tmp_path / "run") == tuned


def test_an_encoder_that_gives_no_numbers_on_dev_is_refused(poisoned, tmp_path):
    with pytest.raises(EncoderError, match="dev part are no numbers"):
        tune_encoder(poisoned, a_lesson(), a_recipe("full"), an_exam(), tmp_path / "run")


# ---- memory


def test_a_batch_too_large_for_memory_is_encoded_in_smaller_parts(bert, tmp_path):
    """The model itself runs out of memory above three rows; one step of plain descent shows
    the gradients."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainingArguments

    lesson, recipe = a_lesson(16, columns=3), a_recipe("full", batch=16, temperature=0.5)
    model, plain = bert.copy(), bert.copy()
    without_dropout(plain)
    build_loss(plain, recipe)([plain.preprocess(list(c)) for c in lesson.columns], None).backward()
    sizes = []

    def full(_module, inputs):
        sizes.append(len(inputs[0]["input_ids"]))
        if sizes[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    without_dropout(model)
    model[0].register_forward_pre_hook(full)
    reader = Reader(model, {"queries": "", "documents": ""})
    columns = [reader.read(t, s) for t, s in zip(lesson.columns, lesson.sides, strict=True)]
    args = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=16, use_cpu=True,
        report_to="none", disable_tqdm=True, max_grad_norm=0, dataloader_pin_memory=False,
    )  # fmt: skip
    before = {name: p.detach().clone() for name, p in trained(model).items()}
    Trainer(
        smaller=halving(model, recipe, 16),
        model=model,
        args=args,
        train_dataset=Dataset.from_dict({"row": list(range(16))}),
        loss=build_loss(model, recipe),
        data_collator=Rows(reader, columns, None),
        optimizers=(torch.optim.SGD(model.parameters(), lr=1.0), None),
    ).train()
    assert sizes[:3] == [16, 8, 4]
    assert set(sizes[3:]) == {2}
    for name, parameter in trained(model).items():
        gradient = dict(plain.named_parameters())[name].grad
        if gradient is not None:
            step = before[name] - parameter.detach()
            assert torch.allclose(step, gradient, atol=1e-5), name


def test_halving_begins_with_what_the_loss_encodes_and_ends_with_an_error(bert):
    model = bert.copy()
    for loss, micro, first in (
        ("ranking", None, 32), ("cached-ranking", None, 16), ("cached-symmetric-ranking", 8, 4)
    ):  # fmt: skip
        recipe = a_recipe("full", loss=loss, micro_batch=micro)
        smaller = halving(model, recipe, 64)
        sizes = []
        with pytest.raises(EncoderError, match="too little memory for a single row"):
            while True:
                sizes.append(smaller().mini_batch_size)
        assert sizes[0] == first
        assert sizes[-1] == 1
    assert halving(model, a_recipe("full", loss="cosent"), 64) is None


# ---- the folder


def test_a_finished_run_is_found_and_leftovers_of_a_kill_are_taken_away(bert, tmp_path):
    lesson, exam = a_lesson(), an_exam()
    tuned = tune_encoder(bert, lesson, a_recipe("full"), exam, tmp_path)
    names = {"lock", "run.json", "looks.json", "tuned.json", "weights.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == names
    (tmp_path / "checkpoint-3").mkdir()  # killed after tuned.json was written
    (tmp_path / "best-3.safetensors").touch()
    written = (tmp_path / "weights.safetensors").stat().st_mtime_ns
    assert tune_encoder(bert, lesson, a_recipe("full"), exam, tmp_path) == tuned
    assert (tmp_path / "weights.safetensors").stat().st_mtime_ns == written
    assert {path.name for path in tmp_path.iterdir()} == names


def test_another_run_in_the_folder_takes_only_what_a_run_wrote(bert, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    one = tune_encoder(bert, a_lesson(), a_recipe("lora"), an_exam(), tmp_path)
    other = tune_encoder(bert, a_lesson(), a_recipe("full"), an_exam(), tmp_path)
    assert one.lora is not None
    assert other.lora is None
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", ["tuned.json", "run.json", "weights.safetensors"])
def test_what_is_damaged_is_made_anew(bert, tmp_path, name):
    tuned = tune_encoder(bert, a_lesson(), a_recipe("full"), an_exam(), tmp_path)
    weights = tuned.weights.read_bytes()
    if name.endswith(".json"):
        (tmp_path / name).write_text('{"key": ')
    else:
        (tmp_path / name).unlink()
    again = tune_encoder(bert, a_lesson(), a_recipe("full"), an_exam(), tmp_path)
    assert again.looks == tuned.looks
    assert again.weights.read_bytes() == weights


def test_runs_are_told_apart_by_all_that_shapes_them(bert):
    from tunewise.training.exam import Likeness

    lesson, recipe, exam = a_lesson(), a_recipe("full"), an_exam()
    liked = Likeness(exam.first, exam.second, np.linspace(0, 1, 12))
    others = [
        (lesson, recipe, exam, None),
        (lesson, recipe, exam, exam),
        (lesson, recipe, replace(exam, first=exam.second, second=exam.first), None),
        (lesson, replace(recipe, seed=1), exam, None),
        (a_lesson(seed=1), recipe, exam, None),
        (lesson, recipe, liked, None),
        (lesson, recipe, replace(liked, scores=liked.scores[::-1]), None),
    ]
    assert len({run_name(bert, *other) for other in others}) == len(others)
    assert run_name(bert, *others[0]) == run_name(bert, a_lesson(), recipe, an_exam(), None)


def test_a_run_waits_for_the_one_that_holds_its_folder_and_says_so(bert, tmp_path):
    said, done = [], []

    def go():
        done.append(tune_encoder(
            bert, a_lesson(), a_recipe("full"), an_exam(), tmp_path,
            progress=lambda what, *_: said.append(what),
        ))  # fmt: skip

    with alone(tmp_path, lambda *_: None):
        thread = threading.Thread(target=go)
        thread.start()
        while not said:
            time.sleep(0.01)
        time.sleep(0.1)
        assert not (tmp_path / "run.json").exists()
        assert said == [f"waiting for the run that is under way in '{tmp_path}'"]
    thread.join()
    assert len(done) == 1


@pytest.mark.parametrize(
    ("rung", "room"), [("partial", 0), ("lora", 4000), ("full", 300), ("full", 40_000)]
)
def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(bert, tmp_path, rung, room):
    recipe = a_recipe(rung, learning_rate=1e-2)
    whole = tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path / "whole")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"Cannot write to .*run'"):
            tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path / "run", save_every=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    tuned = tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path / "run", save_every=0)
    assert tuned.looks == whole.looks
    assert tuned.weights.read_bytes() == whole.weights.read_bytes()
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_when_the_time_is_up_training_ends_and_the_next_call_goes_on(bert, tmp_path):
    recipe = a_recipe("full", learning_rate=1e-2)
    whole = tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path / "whole")
    run = bert, a_lesson(), recipe, an_exam(), tmp_path / "run"
    parts = [tune_encoder(*run, until=time.monotonic()) for _ in range(5)]
    tuned = tune_encoder(*run, until=time.monotonic())
    assert [part.steps for part in (*parts, tuned)] == [1, 2, 3, 4, 5, 6]
    assert [part.cut for part in (*parts, tuned)] == [True] * 5 + [False]
    assert [look.step for look in tuned.looks] == [0, 1, 2, 3, 4, 5, 6]
    assert tuned.looks[-1].score == whole.looks[-1].score
    assert tuned.weights.read_bytes() == whole.weights.read_bytes()
    assert not list((tmp_path / "run").glob("checkpoint-*"))


# ---- what is left as it was


def surroundings():
    from transformers.utils import logging

    return {
        "threads": torch.get_num_threads(),
        "type": torch.get_default_dtype(),
        "seeds": (random.getstate(), np.random.get_state()[1].tolist(),  # noqa: NPY002
                  torch.get_rng_state().tolist()),
        "exact": torch.are_deterministic_algorithms_enabled(),
        "grad": torch.is_grad_enabled(),
        "half": torch.is_autocast_enabled("cpu"),
        "logs": logging.get_verbosity(),
        "bars": logging.is_progress_bar_enabled(),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }  # fmt: skip


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("rung", RUNGS)
def test_everything_around_is_left_as_it_was_also_by_an_error(bert, tmp_path, rung):
    def fail(what, step, steps):
        if step == 2:
            raise BrokenError

    before = surroundings()
    recipe = a_recipe(rung, precision="bf16")
    with pytest.raises(BrokenError):
        tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path, progress=fail)
    assert surroundings() == before
    tune_encoder(bert, a_lesson(), recipe, an_exam(), tmp_path)
    assert surroundings() == before
    from accelerate import PartialState

    assert not PartialState._shared_state


def test_what_was_drawn_before_does_not_change_a_run(bert, tmp_path):
    one = tune_encoder(bert, a_lesson(), a_recipe("lora"), an_exam(), tmp_path / "one")
    torch.rand(7)
    torch.manual_seed(THINGS.index("wagon"))
    other = tune_encoder(bert, a_lesson(), a_recipe("lora"), an_exam(), tmp_path / "other")
    assert other.looks == one.looks
    assert other.weights.read_bytes() == one.weights.read_bytes()


def test_nothing_in_a_run_is_a_pickle(bert, tmp_path):
    seen = set()

    def look(*_):
        seen.update(path.suffix for path in tmp_path.rglob("*") if path.is_file())

    tune_encoder(
        bert, a_lesson(), a_recipe("lora"), an_exam(), tmp_path, save_every=0, progress=look
    )
    assert seen == {".json", ".safetensors", ""}
    assert json.loads((tmp_path / "tuned.json").read_text())["key"]["recipe"]["rung"] == "lora"
