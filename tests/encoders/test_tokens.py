"""Tokens are counted once, and the batch is made of what was counted."""

import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_ins import write_tokenizer
from tokenizers.normalizers import BertNormalizer, Lowercase, Sequence, Strip

from tunewise.encoders.engines.cutting import OwnTokens, QuickTokens, cutter_of
from tunewise.encoders.model import load_model
from tunewise.encoders.tokens import _OWN, _PARALLEL, Counter, load_tokenizer

CUTTING = """
import os, sys
from pathlib import Path
from tunewise.encoders.tokens import cut_in_place, load_tokenizer
if "in place" in sys.argv:
    cut_in_place()
tokenizer = load_tokenizer(Path(sys.argv[1]), None)
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
tokenizer.encode_batch_fast(["open the door"])
print(threads() - before)
"""
TEXTS = ["open the door", "", "close a file", "file " * 40, "日本", "door"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    write_tokenizer(tmp_path)
    return load_tokenizer(tmp_path, lambda: None)


class Cutting:
    """A tokenizer, and the texts that it was asked to cut."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.asked = inner, list[str]()

    def encode_batch_fast(self, texts: list[str]) -> Any:
        self.asked += texts
        return self.inner.encode_batch_fast(texts)

    def to_str(self) -> str:
        return str(self.inner.to_str())


def test_a_text_counted_twice_is_cut_once_and_its_numbers_are_taken_once(tokenizer: Any) -> None:
    cutting = Cutting(tokenizer)
    counter = Counter(cutting)
    counts = counter.count(TEXTS, "open ")
    assert counts.tolist() == [len(tokenizer.encode("open " + text).ids) for text in TEXTS]
    assert counter.count(TEXTS, "open ").tolist() == counts.tolist()
    assert cutting.asked == ["open " + text for text in TEXTS]
    taken = counter.take("open door")
    assert taken is not None
    assert taken.tolist() == tokenizer.encode("open door").ids
    assert counter.take("open door") is None
    assert counter.take("door") is None, "another text than the one with its prompt"


def test_no_more_than_so_many_bytes_are_remembered(tokenizer: Any) -> None:
    numbers = 4 * len(tokenizer.encode("door").ids)
    names = ["door", "file", "open", "move"]
    room = 3 * (sys.getsizeof("door") + numbers + _OWN)
    counter = Counter(tokenizer, remembered=room)
    assert 4 * counter.count([*names, "file " * 300])[-1] > room  # counted, and not kept
    assert [counter.take(name) for name in names] == [None] * 4
    counter.count(names)
    assert [counter.take(name) is not None for name in names] == [False, True, True, True]
    counter.count(names)
    assert sum(counter.take(name) is not None for name in names) == 3, "room was given back"


@pytest.mark.parametrize("letter", ["x", "é"])
def test_long_words_that_are_few_tokens_take_their_own_room(tokenizer: Any, letter: str) -> None:
    counter = Counter(tokenizer, remembered=2**20)
    tracemalloc.start()
    for number in range(40):
        assert counter.count([f"{letter * 40_000}{number}"]) == 3
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 2**19 < kept < 1.1 * 2**20


@pytest.mark.slow
def test_a_batch_is_the_same_from_what_was_counted(tiny_model: Path) -> None:
    model = load_model(tiny_model)
    cutting = Cutting(load_tokenizer(tiny_model, lambda: model))
    counter = Counter(cutting)
    plain = OwnTokens(model, "documents", "")
    counted = QuickTokens(cutter_of(model), "", counter)
    counter.count(TEXTS)
    counted._tokenizer = Cutting(counted._tokenizer)
    for one, other in zip(plain.of(TEXTS), counted.of(TEXTS), strict=True):
        np.testing.assert_array_equal(one, other)
    assert counted._tokenizer.asked == ["file " * 40], "which is longer than the model reads"


@pytest.mark.slow
def test_what_another_tokenizer_counted_is_not_used(tiny_model: Path) -> None:
    model = load_model(tiny_model)
    other = load_tokenizer(tiny_model, lambda: model)
    other.normalizer = Sequence([Lowercase(), Strip()])
    other.add_tokens(["short"])
    counter = Counter(other)
    tokens, plain = QuickTokens(cutter_of(model), "", counter), OwnTokens(model, "documents", "")
    counter.count(["one short text"])
    for one, alone in zip(tokens.of(["one short text"]), plain.of(["one short text"]), strict=True):
        np.testing.assert_array_equal(one, alone)


@pytest.mark.slow
def test_a_tokenizer_that_only_keeps_capitals_apart_is_another_one(tiny_model: Path) -> None:
    model = load_model(tiny_model)
    other = load_tokenizer(tiny_model, lambda: model)
    other.normalizer = BertNormalizer(lowercase=False)
    counter = Counter(other)
    tokens, plain = QuickTokens(cutter_of(model), "", counter), OwnTokens(model, "documents", "")
    counter.count(["Open the Door"])
    for one, alone in zip(tokens.of(["Open the Door"]), plain.of(["Open the Door"]), strict=True):
        np.testing.assert_array_equal(one, alone)


@pytest.mark.slow
@pytest.mark.parametrize("told", [{"truncation_side": "left"}, {"split_special_tokens": True}])
def test_a_tokenizer_that_does_what_a_few_texts_do_not_show_is_not_cut_quickly(
    tiny_model: Path, tmp_path: Path, told: dict[str, object]
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    assert cutter_of(load_model(folder)) is not None
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    assert cutter_of(load_model(folder)) is None


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
@pytest.mark.parametrize(
    ("asked", "told", "own"),
    [([], {}, True), (["in place"], {}, False), (["in place"], {_PARALLEL: "true"}, True)],
)
def test_texts_are_cut_in_place_where_that_is_asked_for_and_nothing_else_was_said(
    tmp_path: Path, asked: list[str], told: dict[str, str], own: bool
) -> None:
    write_tokenizer(tmp_path)
    plain = {name: value for name, value in os.environ.items() if name != _PARALLEL}
    command = [sys.executable, "-c", CUTTING, str(tmp_path), *asked]
    ran = subprocess.run(command, env={**plain, **told}, capture_output=True, text=True, check=True)
    assert (int(ran.stdout) > 0) == own
