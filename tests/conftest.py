"""What tests of several rooms share: a folder to stand in, a small encoder of its words."""

import re

import pytest

import tunewise
from tunewise.testing import tiny_task

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WIDTH = 48


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of its own to stand in, with the tiny task in `tiny/` and the cache beside it."""
    folder = tmp_path_factory.mktemp("home")
    tunewise.write_task(tiny_task(), folder / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_CACHE", str(folder / "cache"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("COLUMNS", "100")
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="session")
def word_model(tmp_path_factory):
    """A sentence-transformers BERT of three layers with random weights; its folder.

    It knows the words of `tiny_task` as any untrained model does: those that are the same are
    alike, those that mean the same are not.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel

    task, raw = tiny_task(), tmp_path_factory.mktemp("raw")
    words = sorted(set(re.findall(r"\w+", " ".join([*task.documents.texts, *task.queries.texts]))))
    known = [*SPECIAL, *dict.fromkeys(word.lower() for word in words)]
    torch.manual_seed(0)
    BertModel(BertConfig(
        vocab_size=len(known), hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=40, pad_token_id=0,
    )).save_pretrained(raw)  # fmt: skip
    _write_tokenizer(raw, known)
    modules = [Transformer(str(raw)), Pooling(WIDTH)]
    home = tmp_path_factory.mktemp("words") / "word-model"
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(
        str(home), create_model_card=False
    )
    return home


def _write_tokenizer(folder, words):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(
        models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad", "unk", "cls", "sep", "mask")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=24,
        **{f"{name}_token": word for name, word in zip(names, SPECIAL, strict=True)},
    ).save_pretrained(folder)
