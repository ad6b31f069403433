"""The rules of the field, each with who says it. They contradict one another."""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the field: when it speaks, what it says, and who says so.

    `applies` is True or False where what was told about the data decides it, else None.
    """

    when: str
    then: str
    source: str
    applies: bool | None = None


# Judged pairs from, to, and the rule. Sources name a repository and a thread (#) or a file in it.
_BY_PAIRS = (
    (
        0,
        100,
        Rule(
            "Fewer than 100 judged pairs",
            "Use off-the-shelf embeddings; there is too little to learn from and to test on.",
            "the lowest starts found are '500 appears to be a good start' "
            "(huggingface/sentence-transformers#478) and a minimum of 50 to 100 documents "
            "(NVIDIA-NeMo/Nemotron docs/nemotron/embed/README.md)",
        ),
    ),
    (
        100,
        1000,
        Rule(
            "100 to 1,000 judged pairs",
            "Open. Measure: a map over finished vectors learns from little and costs seconds.",
            "'500 appears to be a good start' (huggingface/sentence-transformers#478); on medquad "
            "200 training queries brought +0.016 nDCG@10 (Tunewise docs/log.md)",
        ),
    ),
    (
        1000,
        math.inf,
        Rule(
            "More than 1,000 judged pairs",
            "Tuning usually makes a measurable difference. Not always a good one: measure.",
            "'thousand to ten thousand' (NovaSearch-Team/RAG-Retrieval#73); up to +70 % nDCG with "
            "1,500 pairs, varying much (research.trychroma.com/embedding-adapters); but worse with "
            "2,000 (shibing624/text2vec#92) and with 25,000 "
            "(huggingface/sentence-transformers#2358), and theneuralbase asks for 50,000",
        ),
    ),
)

_WHATEVER_THE_NUMBER = (
    Rule(
        "Whatever you have",
        "Try words and vectors together before tuning anything.",
        "on three small sets a hybrid reached nDCG@10 .767, .359 and .372, the better of its "
        "halves .725, .325 and .344 (embeddings-benchmark/mteb docs, hybrid_model.md)",
        applies=True,
    ),
    Rule(
        "General text, everyday questions",
        "Use off-the-shelf embeddings, with words added; it usually suffices.",
        "adapters brought nothing over the best hybrid on tldr-en and squad-it "
        "(Tunewise docs/log.md)",
    ),
    Rule(
        "Terms that everyday text lacks: shell commands, part numbers, trade words",
        "Measure first: this is where tuning pays most, and not every time.",
        "nl2bash +0.150 nDCG@10 [0.134, 0.165] over the best untuned; medical covidqa nothing "
        "(Tunewise docs/log.md)",
    ),
    Rule(
        "Recall@10 already above 0.85",
        "Do not fine-tune, says one guide. Its mark counts what is among the first ten and "
        "not in which order, so look at nDCG@10 too.",
        "skillopedia",
    ),
)


def rules_for(pairs: int | None) -> list[Rule]:
    """All the rules; those about numbers of pairs say whether they speak to `pairs` of them."""
    by_pairs = [
        rule if pairs is None else replace(rule, applies=low <= pairs < high)
        for low, high, rule in _BY_PAIRS
    ]
    return [*by_pairs, *_WHATEVER_THE_NUMBER]
