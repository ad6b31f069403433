"""How the way an encoder computes is chosen: named, measured, held to the plain one, remembered."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tunewise.encoders import load_encoder
from tunewise.encoders.engines.choosing import (
    FAITHFUL,
    Choice,
    Trial,
    choose,
    measure_ways,
    remember,
    remembered,
)
from tunewise.encoders.engines.way import PLAIN, WAYS, Way, way
from tunewise.encoders.settling import sample
from tunewise.errors import EncoderError, OptionError

BF16, INT8, OPENVINO = Way("torch", "bf16"), Way("onnx", "int8"), Way("openvino", "fp32")
TEXTS = [f"text {number}" for number in range(40)]


def unit(count: int, noise: float, seed: int = 0) -> np.ndarray:
    """Random unit vectors, moved by about so much."""
    vectors = np.random.default_rng(0).normal(size=(count, 24))
    vectors += noise * np.random.default_rng(seed + 1).normal(size=vectors.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class Playing:
    """An encoder of so much noise for each way, whose clock each call puts on by so much."""

    def __init__(self, noise: dict[Way, float], seconds: dict[Way, float]) -> None:
        self.noise, self.seconds, self.now = noise, seconds, 0.0

    def encode(self, each: Way, texts: Sequence[str]) -> np.ndarray:
        self.now += self.seconds[each]
        return unit(len(texts), self.noise[each])

    def clock(self) -> float:
        return self.now


def test_every_way_is_named_by_its_word() -> None:
    assert [way(each.word) for each in WAYS] == list(WAYS)
    assert way("torch") == PLAIN


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("tensorrt", "There is no engine 'tensorrt'. Choose one of: torch, onnx, openvino"),
        ("", "There is no engine ''"),
        ("torch:int8", "'torch' does not compute in 'int8'. It offers: fp32, bf16."),
        ("onnx:", "'onnx' does not compute in ''"),
    ],
)
def test_a_word_that_names_no_way_is_refused(word: str, told: str) -> None:
    with pytest.raises(OptionError, match=told.replace(".", r"\.")):
        way(word)


@pytest.mark.parametrize("name", ["word-hash", "openai:some-model"])
def test_an_engine_goes_with_a_model_on_this_machine(name: str) -> None:
    with pytest.raises(OptionError, match="computed on this machine"):
        load_encoder(name, engine="openvino")


def test_the_quickest_faithful_way_is_taken() -> None:
    played = Playing(
        {PLAIN: 0.0, BF16: 0.3, OPENVINO: 1e-4}, {PLAIN: 0.06, BF16: 0.01, OPENVINO: 0.02}
    )
    trials = measure_ways([PLAIN, BF16, OPENVINO], TEXTS, played.encode, played.clock)
    plain, unfaithful, taken = trials
    assert (plain.times, plain.minimum, plain.overlap) == (1.0, pytest.approx(1), 1.0)
    assert (unfaithful.times, taken.times) == pytest.approx((6, 3))
    assert taken.texts_per_second == pytest.approx(len(TEXTS) / 0.02)
    assert unfaithful.minimum < FAITHFUL["bf16"]
    assert unfaithful.overlap < 1
    choice = choose(trials)
    assert choice.way == OPENVINO
    assert "openvino fp32" in choice.told()


@pytest.mark.parametrize(
    ("key", "value"), [("way", "onnx:fp32"), ("times", "x"), ("way", "none"), ("minimum", None)]
)
def test_a_damaged_memory_of_a_choice_is_passed_over(
    tmp_path: Path, key: str, value: object
) -> None:
    remember(tmp_path, "model", Choice(PLAIN, (Trial(PLAIN, 100, 1.0, 1, 1, 1),)))
    assert remembered(tmp_path, "model") is not None
    [path] = (tmp_path / "engines").iterdir()
    kept = json.loads(path.read_text())
    (kept if key == "way" else kept["trials"][0])[key] = value
    path.write_text(json.dumps(kept))
    assert remembered(tmp_path, "model") is None


def test_a_way_that_is_hardly_quicker_is_left() -> None:
    trials = [Trial(PLAIN, 100, 1.0, 1, 1, 1), Trial(OPENVINO, 110, 1.1, 1, 1, 1)]
    assert choose(trials).way == PLAIN
    assert "no faithful way is quicker" in choose(trials).told()


def test_int8_is_never_taken_for_its_cosines_alone() -> None:
    trials = [Trial(PLAIN, 100, 1.0, 1, 1, 1), Trial(INT8, 900, 9.0, 1, 1, 1)]
    assert choose(trials).way == PLAIN


def test_a_way_that_cannot_be_had_is_told_and_passed_over() -> None:
    def encode(each: Way, texts: Sequence[str]) -> np.ndarray:
        if each == BF16:
            raise EncoderError("no such numbers here")
        return unit(len(texts), 0.0)

    plain, refused = measure_ways([PLAIN, BF16], TEXTS, encode)
    assert refused.told() == "torch bf16: no such numbers here"
    assert not refused.faithful
    assert choose([plain, refused]).way == PLAIN


def test_vectors_of_nothing_are_alike_in_every_way() -> None:
    def encode(each: Way, texts: Sequence[str]) -> np.ndarray:
        del each
        return np.zeros((len(texts), 4), dtype=np.float32)

    assert all(trial.minimum == 1 for trial in measure_ways([PLAIN, OPENVINO], TEXTS, encode))


def test_the_overlap_is_worked_out_by_hand() -> None:
    """Three texts on a line: the middle one moves to the other side of its neighbour."""
    angles = {PLAIN: [0.0, 0.1, 0.3], OPENVINO: [0.0, 0.21, 0.3]}

    def encode(each: Way, texts: Sequence[str]) -> np.ndarray:
        turned = np.array(angles[each])
        return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)

    [_, moved] = measure_ways([PLAIN, OPENVINO], TEXTS[:3], encode)
    assert moved.overlap == 1.0  # of three texts, the two others are always the nearest two
    assert moved.minimum == pytest.approx(np.cos(0.11), abs=1e-6)


def test_a_choice_is_remembered_for_the_model_and_no_other(tmp_path: Path) -> None:
    choice = Choice(OPENVINO, (Trial(PLAIN, 1, 1, 1, 1, 1), Trial(OPENVINO, 2, 2, 1, 1, 0.9)))
    assert remembered(tmp_path, "a") is None
    remember(tmp_path, "a", choice)
    assert remembered(tmp_path, "a") == choice
    assert remembered(tmp_path, "b") is None
    remember(None, "a", choice)
    assert remembered(None, "a") is None


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    remember(tmp_path, "a", Choice(PLAIN, (Trial(PLAIN),)))
    [path] = (tmp_path / "engines").iterdir()
    for spoilt in ("{", "{}", '{"format": 1, "way": "abacus:fp32", "trials": []}'):
        path.write_text(spoilt)
        assert remembered(tmp_path, "a") is None


def test_the_sample_is_bounded_and_the_same_each_time() -> None:
    short, long = ["word"] * 1000, ["word " * 2000] * 1000
    assert len(sample(short)) == 256
    assert len(sample(long)) == 32
    assert sample(TEXTS) == sample(TEXTS)
    assert sorted(sample(TEXTS)) == sorted(TEXTS)
