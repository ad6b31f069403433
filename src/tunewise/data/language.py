"""Languages and scripts of texts: which there are, and in what shares.

The language comes from py3langid (a naive Bayes over byte n-grams, carried by its package: nothing
is downloaded), and only where it is sure. Commands, tables and other text in no natural
language would otherwise be reported as a handful of Walloon, Breton and Kabyle.
"""

import random
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tunewise.files import writing

SURE = 0.9  # probability from which a language is believed; right 99 times of 100 on short queries
PRESENT = 0.05  # share of the told texts below which a language is taken for a mistake
_TOLD = 0.1  # share of texts that must be told before anything is said of all of them
_ENOUGH = 400  # characters that settle the language of a text
_PACKED = 300  # characters to which short texts are put together


@dataclass(frozen=True)
class Languages:
    """Languages and scripts found in texts.

    `shares`: ISO 639-1 code → share of the texts whose language could be told, the most common
    first; languages below 5 % are left out, and it is empty when too few could be told.
    `scripts`: name of a script (Latin, Cyrillic, Han, Japanese …) → share of the letters, the
    most common first; Han letters count as Japanese in a text that also holds kana.
    """

    shares: Mapping[str, float]
    scripts: Mapping[str, float]

    @property
    def main(self) -> str:
        """The most common language, or "" when none could be told."""
        return next(iter(self.shares), "")


def detect(texts: Sequence[str], *, sample: int = 2000, seed: int = 0) -> Languages:
    """The languages and scripts of `texts`, from at most `sample` of them.

    Texts too short or too strange to tell are left out. Where hardly any can be told, neighbours
    are put together to some 300 characters and told as one, so that two-word queries have a
    language too; commands still have none. The same texts and seed give the same answer.

    >>> detect(["How do I change my password?", "Where are my invoices?"]).main
    'en'
    >>> detect(["ls -l | wc", "chmod -R 644 ."]).shares
    {}
    """
    chosen = [text[:_ENOUGH] for text in texts if text.strip()]
    if len(chosen) > sample:
        chosen = random.Random(seed).sample(chosen, sample)  # noqa: S311 - a sample, no secret
    shares = _shares(chosen) or _shares(_packed(chosen))
    return Languages(shares, _scripts(chosen))


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language of `text`, or None when it cannot be told for sure.

    >>> language_of("Wie kann ich mein Passwort ändern?")
    'de'
    >>> language_of("grep -r x .") is None
    True
    """
    language, probability = _identifier().classify(text[:_ENOUGH])
    return None if probability < SURE or language == _NO_LANGUAGE else str(language)


_NO_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    with writing(Path(tempfile.gettempdir())):  # it unpacks itself there
        identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Small languages with a three-letter code take probability from their large neighbours.
    identifier.set_languages([c for c in identifier.labels if len(c) == 2 or c == _NO_LANGUAGE])
    return identifier


def _shares(texts: Sequence[str]) -> dict[str, float]:
    told = Counter(filter(None, map(language_of, texts)))
    if not told or told.total() < _TOLD * len(texts):
        return {}
    return _descending(
        {code: n / told.total() for code, n in told.items() if n >= PRESENT * told.total()}
    )


def _packed(texts: Iterable[str]) -> list[str]:
    packs, pack = [], ""
    for text in texts:
        pack += text + "\n"
        if len(pack) >= _PACKED:
            packs.append(pack)
            pack = ""
    return packs or [pack]


def _scripts(texts: Iterable[str]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for text in texts:
        letters = Counter(c for c in unicodedata.normalize("NFKC", text) if c.isalpha())
        here: Counter[str] = Counter()
        for letter, count in letters.items():
            here[_script(letter)] += count
        if "Japanese" in here:
            here["Japanese"] += here.pop("Han", 0)
        found.update(here)
    return _descending({name: count / found.total() for name, count in found.items()})


@cache
def _script(letter: str) -> str:
    """The first word of a letter's Unicode name is its script, but for East Asia."""
    word = unicodedata.name(letter, "UNKNOWN").split()[0]
    named = {"CJK": "Han", "HIRAGANA": "Japanese", "KATAKANA": "Japanese"}
    return named.get(word, word.title())


def _descending(shares: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(shares.items(), key=lambda share: (-share[1], share[0])))
