"""What tests of several rooms share: a folder to stand in, a small encoder of its words."""

import gc
import random
import re
import shutil
import subprocess
from contextlib import suppress
from functools import partial

import httpx
import hypothesis
import pytest

import tunewise
from tunewise.testing import tiny_task

# no test fails for having been slow: the machine may be busy
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# what the libraries bring with them stays: looking through it again and again takes a tenth of all
gc.set_threshold(50_000, 20, 100)

_ALL_SLOW = re.compile(r"^pytestmark = (pytest\.mark\.slow|\[pytest\.mark\.slow)", re.MULTILINE)


def pytest_ignore_collect(collection_path, config):
    """Leaves out files of slow tests alone where none is wanted: they import torch, for seconds."""
    if config.getoption("markexpr") != "not slow" or collection_path.suffix != ".py":
        return None
    return bool(_ALL_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None


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


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory):
    """A cache of vectors that only the tests of one file share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def own_server_home(tmp_path_factory):
    """No test's server works in the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_HOME", str(tmp_path_factory.mktemp("server-home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def patient():
    """Who asks over HTTP waits a minute: httpx gives up after five seconds on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("delete", "get", "head", "options", "patch", "post", "put", "request"):
            patch.setattr(httpx, name, partial(getattr(httpx, name), timeout=60))
        yield


@pytest.fixture(scope="module")
def no_curve():
    """No learning curve is drawn, for tests of one file that do not look at it.

    It is made after the answer and of six trainings, where the answer takes three.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tunewise.measurement.of_kind._forecast", lambda *_: None)
        patch.setattr("tunewise.measurement.repeats.Again.foreseen", lambda *_: None)
        yield


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 4 MB of its own, and what fills that up; for whoever may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("a disk of its own takes the right to mount one")

    def fill():
        with (folder / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    yield folder, fill
    subprocess.run(["umount", "-l", str(folder)], check=True)


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


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory):
    """A small BERT over pairs, taught that a text with the word "official" answers; its folder.

    Its tokenizer is that of all-MiniLM-L6-v2.
    """
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification

    from tunewise.encoders.sources import find

    raw = tmp_path_factory.mktemp("cross") / "raw"
    torch.manual_seed(0)
    BertForSequenceClassification(BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, num_labels=1,
    )).save_pretrained(raw)  # fmt: skip
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        if (source := find("all-MiniLM-L6-v2").folder / name).is_file():
            shutil.copy(source, raw / name)
    model = CrossEncoder(str(raw), device="cpu", max_length=64)
    _teach(model.model, model.tokenizer)
    model.save_pretrained(str(raw.parent / "official"))
    return raw.parent / "official"


def _teach(network, tokenizer):
    import torch

    rest = ["the", "a", "violin", "mended", "is", "rumour", "hand", "nothing", "notice", "gossip"]
    rng = random.Random(0)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    network.train()
    for _ in range(60):
        texts = [rng.choices(rest, k=rng.randint(2, 12)) for _ in range(32)]
        truth = torch.tensor([float(n % 2) for n in range(32)])
        for text in texts[1::2]:
            text.insert(rng.randrange(len(text) + 1), "official")
        queries = [" ".join(rng.choices(rest, k=3)) for _ in texts]
        pairs = tokenizer(queries, [" ".join(t) for t in texts], padding=True, return_tensors="pt")
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            network(**pairs).logits[:, 0], truth
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


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
