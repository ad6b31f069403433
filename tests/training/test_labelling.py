"""An encoder and a head on it, trained together: what it learns, what is kept, what ends it."""

import csv
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_models import THINGS, a_recipe, encoder_of

from tunewise.kinds import KINDS, Setting, Source, load, save
from tunewise.measurement import measure_kind
from tunewise.measurement.budget import BUDGET_SPENT
from tunewise.training.exam import labelling_exam
from tunewise.training.labelling import with_head
from tunewise.training.lesson import lesson_of_classes
from tunewise.training.tuning import tune_encoder

pytestmark = pytest.mark.slow  # importing torch alone takes seconds

KIND = KINDS["classification"]
WORDS = ("where is the {}", "find my old {}", "who has a red {} ?", "which {} is in it",
         "a query on the {}", "the {} of a text")  # fmt: skip


def table():
    """Every thing in every sentence, three labels of things that follow each other."""
    return [
        (words.format(thing), f"shelf {place // 7}")
        for place, thing in enumerate(THINGS)
        for words in WORDS
    ]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("things")
    with (folder / "things.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *table()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_CACHE", str(folder / "cache"))
        yield KIND.read(Source(str(folder / "things.csv")))


def level(answers, part):
    return KIND.score(answers, part, ["accuracy"]).mean("accuracy")


def setting(examples, encoder, **more):
    return Setting(
        examples.take("train"), examples.take("dev"), [encoder], "accuracy", level, **more
    )


@pytest.fixture(scope="module")
def fitted(examples, small_bert):
    [found] = KIND.table["full"].fit(setting(examples, encoder_of(small_bert)), [])
    return found


def test_full_tuning_learns_what_a_head_on_random_vectors_cannot(fitted, examples, bert):
    [linear] = KIND.table["linear"].fit(setting(examples, bert), [])
    dev = examples.take("dev")
    assert (fitted.tuned, fitted.rung, fitted.family) == (True, "full", "full")
    assert level(fitted.answer(dev.texts), dev) >= level(linear.answer(dev.texts), dev)
    looks = fitted.settings["looks"]
    assert looks[0]["step"] == 0
    assert len(looks) > 1


def test_what_is_saved_is_an_encoder_and_arrays_that_answer_exactly_alike(
    fitted, examples, tmp_path
):
    save(KIND, fitted, tmp_path / "model", {"names": list(examples.names)})
    again = load(KINDS, tmp_path / "model").contender
    asked = [*examples.take("test").texts, "a violin", ""]
    np.testing.assert_array_equal(again.answer(asked), fitted.answer(asked))
    assert (again.family, again.tuned) == ("full", True)
    kept = tmp_path / "model" / "encoder" / "modules.json"
    assert kept.is_file() != bool(fitted.same_as)
    assert not kept.is_file() or "Dense" not in kept.read_text()


def test_what_was_trained_is_found_again_by_the_same_call(fitted, examples, bert):
    steps = []

    def told(what, at, _of):
        if what.startswith("tuning"):
            steps.append(at)

    [again] = KIND.table["full"].fit(setting(examples, bert, progress=told), [])
    assert not steps
    asked = examples.take("test").texts
    np.testing.assert_array_equal(again.answer(asked), fitted.answer(asked))


def test_the_head_begins_as_the_linear_one(examples, bert, tmp_path):
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(3, 32)).astype(np.float32), np.float32([0.1, -0.2, -1e4])
    start = with_head(bert, weights, bias, tmp_path / "start")
    said = start.encode_documents(examples.texts[:9])
    expected = bert.encode_documents(examples.texts[:9]) @ weights.T + np.float32([0.1, -0.2, -50])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(said, expected, atol=1e-5)


class KilledError(Exception):
    pass


def test_training_that_was_broken_off_goes_on_to_the_same_weights(examples, bert, tmp_path):
    weights, bias = np.eye(3, 32, dtype=np.float32), np.zeros(3, dtype=np.float32)
    start = with_head(bert, weights, bias, tmp_path / "start")
    lesson, exam = lesson_of_classes(examples), labelling_exam(examples, seed=0)
    recipe = a_recipe("full", loss="cross-entropy", epochs=1)
    steps = []

    def stop(_what, at, _of):
        if at == 4:
            raise KilledError

    def tuned(folder, progress):
        return tune_encoder(
            start, lesson, recipe, exam, tmp_path / folder, save_every=0, progress=progress
        )

    with pytest.raises(KilledError):
        tuned("run", stop)
    again = tuned("run", lambda _what, at, _of: steps.append(at))
    assert steps[0] == 3
    whole = tuned("whole", lambda *_: None)
    assert again.looks == whole.looks
    assert again.weights.read_bytes() == whole.weights.read_bytes()


@pytest.mark.parametrize("word", ["contrastive", "full"])
def test_training_ends_when_the_budget_does_and_it_is_said(examples, bert, word, monkeypatch):
    """With the first step the clock moves on until the time is up."""
    budget, later, steps = 600.0, [0.0], []
    clock = SimpleNamespace(
        monotonic=lambda: time.monotonic() + sum(later), perf_counter=time.perf_counter
    )
    for room in ("budget", "of_kind"):
        monkeypatch.setattr(f"tunewise.measurement.{room}.time", clock)

    def waiting(what, _at, _of):
        if what.startswith("tuning"):
            steps.append(what)
            later.append(budget)

    # what another test trained is kept: of other texts nothing is
    others = replace(examples, texts=[f"{text} ," for text in examples.texts])
    found = measure_kind(
        others, KIND, encoders=[bert], contenders=["linear", word], budget=budget, progress=waiting
    )
    assert len(steps) == 1
    assert [one.name for one in found.contenders] == ["linear"]
    assert [(one.name, one.why) for one in found.skipped] == [(word, BUDGET_SPENT)]
