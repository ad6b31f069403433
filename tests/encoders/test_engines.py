"""Served equals evaluated: every engine, in every precision, for every kind of model and side."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tunewise.encoders import TransformerEncoder, load_encoder, save_model
from tunewise.encoders.engines.choosing import FAITHFUL
from tunewise.encoders.engines.torch import halving
from tunewise.encoders.engines.way import PLAIN, WAYS, Way, way
from tunewise.encoders.settling import held, settled
from tunewise.errors import EncoderError

pytestmark = pytest.mark.slow  # models are converted

KINDS = ["base", "tuned", "adapter", "prompted"]
OTHERS = [each for each in WAYS if each != PLAIN]
TEXTS = [
    "open the door",
    "",
    "close a file",
    "file " * 40,
    "open : close",
    "the door the file the doors",
    "日本",
    "door",
]
LEAST = {**FAITHFUL, "int8": 0.9}
"""Least cosine to the plain vector. What int8 costs is for the judged queries to say: see there."""


def local(folder: Path, engine: str, cache: Path | None = None) -> TransformerEncoder:
    encoder = load_encoder(str(folder), engine=engine, cache=cache or False)
    assert isinstance(encoder, TransformerEncoder)
    return encoder


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where converted models are kept for all tests that only use them."""
    return tmp_path_factory.mktemp("converted")


def kept(folder: Path, each: Way, cache: Path) -> TransformerEncoder:
    """The model as it was converted before, if it was; its vectors are computed each time."""
    return local(folder, each.word, cache).in_way(each, keep=False)


@pytest.fixture(scope="module")
def models(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base, one with other weights as deep tuning leaves it, one with a map for each side.

    And one with a prompt for each side.
    """
    home = tmp_path_factory.mktemp("models")
    shutil.copytree(tiny_model, home / "tuned")
    weights, draw = load_file(home / "tuned" / "model.safetensors"), np.random.default_rng(0)
    moved = {
        name: value + draw.normal(scale=0.01, size=value.shape).astype(np.float32)
        for name, value in weights.items()
    }
    save_file(moved, home / "tuned" / "model.safetensors", metadata={"format": "pt"})
    maps = [np.eye(32) + draw.normal(scale=0.1, size=(32, 32)) for _ in range(2)]
    query, document = (each.astype(np.float32) for each in maps)
    save_model(local(tiny_model, "torch"), home / "adapter", query, document)
    shutil.copytree(tiny_model, home / "prompted")
    path = home / "prompted" / "config_sentence_transformers.json"
    config = json.loads(path.read_text())
    path.write_text(
        json.dumps({**config, "prompts": {"query": "open : ", "document": "close the "}})
    )
    return {"base": tiny_model, **{kind: home / kind for kind in KINDS[1:]}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("each", OTHERS, ids=lambda each: each.word)
def test_every_way_is_faithful_for_every_model_and_side(
    models: dict[str, Path], kind: str, each: Way, converted: Path
) -> None:
    plain, other = local(models[kind], "torch"), kept(models[kind], each, converted)
    assert other.stamp != plain.stamp
    assert other.model_stamp == plain.model_stamp
    for side in ("encode_queries", "encode_documents"):
        ours, theirs = getattr(other, side)(TEXTS), getattr(plain, side)(TEXTS)
        assert ours.dtype == np.float32
        assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-5)
        assert (ours * theirs).sum(axis=1).min() >= LEAST[each.precision]
        alone = np.concatenate([getattr(other, side)([text]) for text in TEXTS])
        assert (alone * theirs).sum(axis=1).min() >= LEAST[each.precision]
    if kind in ("adapter", "prompted"):
        queries, documents = other.encode_queries(TEXTS), other.encode_documents(TEXTS)
        assert np.abs(queries - documents).max() > 0.01


@pytest.mark.parametrize(
    "each", [each for each in WAYS if each.engine != "torch"], ids=lambda each: each.word
)
def test_one_text_has_all_cores_and_several_share_them(
    tiny_model: Path, each: Way, converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = kept(tiny_model, each, converted)
    encoder.encode_documents(TEXTS)
    [runtime] = encoder._runtimes.values()
    monkeypatch.setattr(runtime, "vectors", None)
    expected = runtime.alone(["door"])
    assert np.array_equal(encoder.encode_documents(["door"]), expected / np.linalg.norm(expected))


def cut_off(whole: bytes) -> bytes:
    return whole[:100]


def with_zeros(whole: bytes) -> bytes:
    return whole[:-64] + bytes(64)


@pytest.mark.parametrize(
    ("engine", "damages"),
    # what is kept is looked at alike for both, and ONNX takes seconds to convert each time
    [("openvino", (cut_off, with_zeros, None)), ("onnx", (with_zeros,))],
    ids=["openvino", "onnx"],
)
def test_a_damaged_conversion_is_made_anew(
    tiny_model: Path,
    converted: Path,
    tmp_path: Path,
    engine: str,
    damages: Sequence[Callable[[bytes], bytes] | None],
) -> None:
    first = kept(tiny_model, way(engine), converted)
    expected = first.encode_documents(TEXTS)
    name = f"{first.model_stamp}-{engine}-float-texts"
    folder = shutil.copytree(converted / "engines" / name, tmp_path / "engines" / name)
    for path in (each for each in folder.iterdir() if each.name != "digests.json"):
        whole = path.read_bytes()
        for damage in damages:
            path.unlink() if damage is None else path.write_bytes(damage(whole))
            again = local(tiny_model, engine, tmp_path).in_way(way(engine), keep=False)
            assert np.abs(again.encode_documents(TEXTS) - expected).max() < 1e-6


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_what_was_converted_is_kept_and_used_again(
    tiny_model: Path, converted: Path, engine: str
) -> None:
    first = kept(tiny_model, way(engine), converted).encode_documents(TEXTS)
    made = {
        path: path.stat().st_mtime_ns
        for path in (converted / "engines").rglob("model.*")
        if path.is_file() and engine in str(path)
    }
    assert made
    again = kept(tiny_model, way(engine), converted)
    assert np.array_equal(again.encode_documents(TEXTS), first)
    assert {path: path.stat().st_mtime_ns for path in made} == made


_AGAIN = """
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tunewise.encoders import load_encoder
from tunewise.encoders.engines.way import way
encoder = load_encoder(sys.argv[1], engine=sys.argv[2], cache=Path(sys.argv[3]))
vectors = encoder.in_way(way(sys.argv[2]), keep=False).encode_queries(["open the door", "a"])
print(vectors.shape, [name for name in sys.argv[4:] if name in sys.modules])
"""


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_what_is_kept_takes_neither_the_model_nor_its_libraries(
    models: dict[str, Path], engine: str, converted: Path
) -> None:
    libraries = ["torch", "transformers", "sentence_transformers"]
    for folder in (models["adapter"], models["prompted"]):
        kept(folder, way(engine), converted).encode_queries(TEXTS)
        again = [sys.executable, "-c", _AGAIN, str(folder), engine, str(converted), *libraries]
        told = subprocess.run(again, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == "(2, 32) []"


def test_a_damaged_note_of_how_texts_are_cut_is_made_anew(tiny_model: Path, tmp_path: Path) -> None:
    first = local(tiny_model, "openvino", tmp_path).encode_documents(TEXTS)
    [note] = (tmp_path / "tokens").rglob("cutter.json")
    whole = note.read_text(encoding="utf-8")
    note.write_text(whole.replace("door", "moor"), encoding="utf-8")
    again = local(tiny_model, "openvino", tmp_path).in_way(way("openvino"), keep=False)
    assert np.array_equal(again.encode_documents(TEXTS), first)
    assert note.read_text(encoding="utf-8") == whole


def test_sides_that_are_computed_alike_share_what_was_converted(
    models: dict[str, Path], tmp_path: Path
) -> None:
    for kind, files in (("base", 1), ("adapter", 2)):
        encoder = local(models[kind], "openvino", tmp_path / kind)
        encoder.encode_queries(TEXTS)
        encoder.encode_documents(TEXTS)
        assert len(list((tmp_path / kind / "engines").iterdir())) == files


def test_a_model_that_an_engine_refuses_is_said(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Exception from core.cpp:117:\nno such operation\nand more")

    monkeypatch.setattr(openvino, "convert_model", refuse)
    with pytest.raises(
        EncoderError, match=r"to another engine: no such operation\. Use the engine"
    ):
        local(tiny_model, "openvino").encode_documents(TEXTS)


def test_openvino_reports_nothing(tiny_model: Path) -> None:
    local(tiny_model, "openvino").encode_documents(TEXTS)
    assert sys.modules["openvino_telemetry"] is None


def test_auto_measures_on_the_texts_at_hand_and_remembers(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [f"open the door and close file {number} " * 9 for number in range(2000)]
    few = load_encoder(str(tiny_model), texts=texts[:9], cache=tmp_path)
    assert isinstance(few, TransformerEncoder)
    assert few.way == PLAIN
    assert not (tmp_path / "engines").exists()
    told: list[str] = []
    many = load_encoder(
        str(tiny_model), texts=texts, cache=tmp_path, progress=lambda what, *_: told.append(what)
    )
    assert isinstance(many, TransformerEncoder)
    assert told == ["looking for the quickest faithful way to encode"]
    assert many.why.startswith("encoding with ")
    again = settled(few, ())
    assert (again.way, again.stamp, again.why) == (many.way, many.stamp, many.why)


def test_weights_for_which_a_way_is_not_faithful_are_encoded_plainly(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = local(tiny_model, "torch:bf16")
    assert held(encoder, TEXTS).way == Way("torch", "bf16")
    monkeypatch.setitem(FAITHFUL, "bf16", 1.1)
    left = held(encoder, TEXTS)
    assert left.way == PLAIN
    assert left.why.startswith("not with torch bf16")


def test_a_batch_too_large_is_halved_until_it_fits_and_in_order() -> None:
    import torch

    sizes = []

    def vectors(texts: list[str]) -> np.ndarray:
        sizes.append(len(texts))
        if len(texts) > 2:
            raise torch.OutOfMemoryError
        return np.array([[float(text)] for text in texts], dtype=np.float32)

    assert halving(vectors, list("12345"))[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert sizes == [5, 2, 3, 1, 2]
    with pytest.raises(torch.OutOfMemoryError):
        halving(lambda texts: vectors([*texts, "8", "9"]), list("12"))
