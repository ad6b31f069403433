"""What the tests of the encoders share: a stand-in endpoint and small model folders."""

import json
import threading
from collections.abc import Iterator
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "open",
    "close",
    "a",
    "the",
    "file",
    "door",
    "##s",
    "query",
    ":",
    "passage",
]


def vector(text: str, dimension: int = 6) -> list[float]:
    """The stand-in's vector of a text: made of its hash, of unit length."""
    seed = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
    numbers = np.random.default_rng(seed).normal(size=dimension)
    return [float(number) for number in numbers / np.linalg.norm(numbers)]


class StandIn:
    """An endpoint on 127.0.0.1 that answers like OpenAI's, and badly when told to.

    Each entry of `script` answers one request before the stand-in goes back to being good: a
    (status, headers, body) triple, or a function from the good answer to a bad one.
    """

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.script: list[Any] = []
        self.most = 10**6  # texts it takes in one request
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stand_in.headers.append(dict(self.headers))
                stand_in.seen.append({"path": self.path, **body})
                status, headers, answer = stand_in._answer(body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, in order."""
        return [text for request in self.seen for text in request["input"]]

    def _answer(self, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if len(body["input"]) > self.most:
            return 413, {}, {"error": {"message": "too many inputs"}}
        data = [
            {"index": place, "embedding": vector(text, body.get("dimensions", 6))}
            for place, text in enumerate(body["input"])
        ]
        words = sum(len(text.split()) for text in body["input"])
        good = {"data": data[::-1], "usage": {"prompt_tokens": words}}
        act = self.script.pop(0) if self.script else None
        if callable(act):
            return 200, {}, act(good)
        return act or (200, {}, good)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.delenv("TUNEWISE_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = StandIn()
    yield server
    server.server.shutdown()
    server.server.server_close()


def write_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer of fifteen words, as a fast tokenizer's file."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(8)  # as model folders have it; counting must not cut
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder that looks right but holds no model that could be loaded."""
    home = tmp_path / "model"
    (home / "1_Pooling").mkdir(parents=True)
    module = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{module}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{module}.Pooling"},
    ]
    (home / "modules.json").write_text(json.dumps(modules))
    (home / "config.json").write_text('{"model_type": "bert"}')
    (home / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    save_file({"weight": np.arange(12, dtype=np.float32)}, home / "model.safetensors")
    write_tokenizer(home)
    return home


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sentence-transformers model with two small layers and random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel, BertTokenizerFast

    raw = tmp_path_factory.mktemp("raw")
    write_tokenizer(raw)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=16,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(raw)
    BertTokenizerFast(
        tokenizer_file=str(raw / "tokenizer.json"), model_max_length=16
    ).save_pretrained(raw)
    transformer = Transformer(str(raw))
    modules = [transformer, Pooling(transformer.get_embedding_dimension())]
    home = tmp_path_factory.mktemp("tiny")
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(
        str(home), create_model_card=False
    )
    return home
