"""Sentences: one informative sentence of a document is held out and asks for the rest of it."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tunewise.data.documents import Documents
from tunewise.making.drafts import FEWEST_LEFT, Draft, Made, Terms, drawn, plain
from tunewise.task import Texts

FEWEST, MOST = 4, 20  # terms of a sentence that asks: shorter says little, longer nobody types
_LONGEST = 240  # characters of it

_NONE = "no sentence of a fitting length that only this document has"

_END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\bDr)(?<!\bFig)[.!?…]+[\"')\]]*\s+"
    r"(?=[^\W\d_a-z]|[\"'(\[¿¡])|\s[.!?]\s+|(?<=[。！？])|\s*\n+\s*"  # the second: old collections
)


def from_sentences(documents: Documents, terms: Terms, most: int, seed: int) -> Draft:
    """The most distinctive sentence of a document, held out, asks for the rest of it.

    Distinctive is the sum of its different terms' inverse document frequencies; terms that no other
    document has weigh nothing, for misprints and numbers would win. A sentence that several
    documents have is nobody's. At most `most` documents, drawn over their lengths, are asked about.
    """
    texts = documents.texts.texts
    rarity = _rarity([terms(text) for text in texts])
    spoken = Counter(words for text in texts for words in {plain(one) for _, one in cut(text)})
    remaining, queries, without = list(texts), [], 0
    for place in drawn([len(text) for text in texts], most, seed):
        found = _telling(texts[place], rarity, spoken, terms)
        if found is None:
            without += 1
            continue
        begin, sentence = found
        rest = (texts[place][:begin].rstrip(), texts[place][begin + len(sentence) :].lstrip())
        remaining[place] = " ".join(part for part in rest if part)
        queries.append(Made(sentence.strip(" -*•\t").rstrip("."), (place,)))
    shown = Documents(Texts(documents.texts.ids, remaining), documents.titles, documents.source)
    held = Texts(documents.texts.ids, [shown.whole(place) for place in range(len(shown))])
    return Draft(held, queries, {_NONE: without} if without else {})


def cut(text: str) -> Iterator[tuple[int, str]]:
    """Where each sentence begins, and the sentence.

    >>> [sentence for _, sentence in cut("It rained, e.g. in May. Then it stopped.")]
    ['It rained, e.g. in May.', 'Then it stopped.']
    """
    begin = 0
    for end in [*(match.end() for match in _END.finditer(text)), len(text)]:
        sentence = text[begin:end].rstrip()
        if sentence:
            yield begin, sentence
        begin = end


def _rarity(counted: Sequence[Sequence[str]]) -> Mapping[str, float]:
    frequency = Counter(term for terms in counted for term in set(terms))
    return {
        term: math.log(len(counted) / number) for term, number in frequency.items() if number > 1
    }


def _telling(
    text: str, rarity: Mapping[str, float], spoken: Mapping[str, int], terms: Terms
) -> tuple[int, str] | None:
    """The sentence with the rarest terms, and where it begins; None if none is fit."""
    whole = len(terms(text))
    best, most = None, 0.0
    for begin, sentence in cut(text):
        if len(sentence) > _LONGEST or spoken[plain(sentence)] > 1:
            continue
        counted = terms(sentence)
        left = whole - len(counted)
        if not FEWEST <= len(counted) <= MOST or left < max(FEWEST_LEFT, len(counted)):
            continue
        mass = sum(rarity.get(term, 0.0) for term in set(counted))
        if mass > most:
            best, most = (begin, sentence), mass
    return best
