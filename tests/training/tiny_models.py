"""Small encoders with random weights, rows to tune them on, and an exam, for tests and scripts."""

from dataclasses import dataclass

import numpy as np

from tunewise.data.pairs import Lists
from tunewise.training.lesson import Lesson
from tunewise.training.recipe import Recipe

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
COMMON = [
    *("where", "is", "the", "of", "a", "in", "on", "under", "my", "old", "red", "find"),
    *("which", "who", "has", "to", "it", ",", ":", "?", "query", "text"),
]
THINGS = [
    *("kettle", "ladder", "violin", "compass", "lantern", "anchor", "mirror", "hammer"),
    *("candle", "barrel", "basket", "needle", "saddle", "trumpet", "blanket", "bottle"),
    *("feather", "pillow", "shovel", "wagon"),
]
WORDS = SPECIAL + COMMON + THINGS
WIDTH = 32


def write_tokenizer(folder, *, side="right", longest=24, special=True):
    """A WordPiece tokenizer of the words above, as a fast tokenizer's files."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if special:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad", "unk", "cls", "sep", "mask")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=longest,
        padding_side=side,
        **{f"{name}_token": word for name, word in zip(names, SPECIAL, strict=True)},
    ).save_pretrained(folder)


def backbone(kind, layers=4, dropout=0.1):
    """A transformer of this kind with random weights, always the same."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    sizes = {
        "vocab_size": len(WORDS), "hidden_size": WIDTH, "num_hidden_layers": layers,
        "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 40,
        "pad_token_id": 0,
    }  # fmt: skip
    if kind == "bert":
        return t.BertModel(t.BertConfig(
            **sizes, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout
        ))  # fmt: skip
    if kind == "distilbert":
        return t.DistilBertModel(t.DistilBertConfig(
            vocab_size=len(WORDS), dim=WIDTH, n_layers=layers, n_heads=2, hidden_dim=48,
            max_position_embeddings=40, pad_token_id=0,
        ))  # fmt: skip
    if kind == "mpnet":
        return t.MPNetModel(t.MPNetConfig(**sizes))
    if kind == "roberta":
        return t.RobertaModel(t.RobertaConfig(**sizes))
    if kind == "modernbert":
        return t.ModernBertModel(t.ModernBertConfig(
            **sizes, attention_dropout=dropout, mlp_dropout=dropout, global_attn_every_n_layers=2,
            local_attention=4, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3,
        ))  # fmt: skip
    if kind == "qwen3":
        return t.Qwen3Model(t.Qwen3Config(
            **sizes, num_key_value_heads=1, head_dim=16, bos_token_id=2, eos_token_id=3,
            attention_dropout=dropout,
        ))  # fmt: skip
    if kind == "t5":
        return t.T5EncoderModel(t.T5Config(
            vocab_size=len(WORDS), d_model=WIDTH, num_layers=layers, num_heads=2, d_kv=16,
            d_ff=48, pad_token_id=0, bos_token_id=2, eos_token_id=3, initializer_factor=5.0,
        ))  # fmt: skip
    raise AssertionError(kind)


def make_model(
    folder, kind="bert", *, layers=4, prompts=None, side="right", longest=24, pooling="mean",
    include_prompt=True, dense=False, special=True, dropout=0.1,
):  # fmt: skip
    """Fills `folder` with a sentence-transformers model, and gives the folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    raw = folder / "raw"
    backbone(kind, layers, dropout).save_pretrained(raw)
    write_tokenizer(raw, side=side, longest=longest, special=special)
    transformer = Transformer(str(raw))
    modules = [transformer, Pooling(WIDTH, pooling_mode=pooling, include_prompt=include_prompt)]
    if dense:
        modules.append(Dense(WIDTH, WIDTH // 2, module_input_name="sentence_embedding",
                             module_output_name="sentence_embedding"))  # fmt: skip
    model = SentenceTransformer(modules=modules, device="cpu", prompts=prompts or {})
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


def texts(count, seed=0):
    """`count` questions, and the sentence that answers each."""
    draw = np.random.default_rng(seed)
    asked, answers = [], []
    for _ in range(count):
        one, other = draw.permutation(THINGS)[:2]
        filler = " ".join(draw.choice(COMMON, draw.integers(1, 12)))
        asked.append(f"where is the {one} of the {other} ?")
        answers.append(f"{other} {filler} {one}")
    return asked, answers


def lists(rows):
    starts = np.cumsum([0, *map(len, rows)])
    return Lists(starts, np.array([place for row in rows for place in row], dtype=np.int64))


def a_lesson(count=24, *, columns=2, scored=False, seed=0):
    """Rows of pairs, of triplets with more columns, or of scored pairs."""
    asked, answers = texts(count, seed)
    further = [texts(count, seed + extra)[1] for extra in range(1, columns - 1)]
    held = lists([[row] for row in range(count)])
    if scored:
        held = lists([[] for _ in range(count)])
    return Lesson(
        "scored pairs" if scored else "triplets" if columns > 2 else "pairs",
        (asked, answers, *further),
        ("documents" if scored else "queries", *("documents",) * (columns - 1)),
        np.linspace(0, 1, count) if scored else None,
        held,
        lists([[] for _ in range(count)]),
    )


@dataclass(frozen=True)
class Margin:
    """How much nearer, on the mean, a question is to its own answer than to the others."""

    first: tuple
    second: tuple
    metric: str = "margin"

    @property
    def texts(self):
        return (self.first, "queries"), (self.second, "documents")

    def __call__(self, encode):
        asked, answers = (encode(texts, side) for texts, side in self.texts)
        cosines = asked.astype(np.float64) @ answers.T.astype(np.float64)
        return float(np.diag(cosines).mean() - cosines.mean())


def an_exam(count=12, seed=99):
    return Margin(*map(tuple, texts(count, seed)))


def a_recipe(rung, **other):
    """A recipe of a few steps."""
    given = {
        "learning_rate": 2e-3, "epochs": 2, "batch": 8, "frozen_layers": 2 * (rung == "partial"),
        "rank": 4 * (rung == "lora"), **other,
    }  # fmt: skip
    return Recipe(rung, **given)


def encoder_of(folder):
    from tunewise.encoders import load_encoder

    return load_encoder(folder, cache=False)
