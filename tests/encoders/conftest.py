"""What the tests of the encoders share: a stand-in endpoint and small model folders."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from stand_ins import WORDS, StandIn, write_tokenizer


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.delenv("TUNEWISE_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = StandIn()
    yield server
    server.endpoint.close()


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
