"""Drafts: queries taken out of the documents' own texts, and the documents without them.

A title or a heading that stayed in the text would be found by itself, so it is taken out of every
document, asked about or not: what is left must be found by what it says.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tunewise.data.documents import Documents
from tunewise.data.fields import joined
from tunewise.making.model import LanguageModel
from tunewise.progress import Progress
from tunewise.task import Texts

MOST_ANSWERS = 5  # documents; words that head more of them say nothing ("Introduction")
_FEWEST_ASKING = 2  # terms of a query
FEWEST_LEFT = 5  # terms of a document without its query

_SHORT, _BARE, _SPEECHLESS, _SHARED = (
    "too short to ask for anything",
    "hardly any text would be left to find",
    "no question in the language model's answer",
    f"in the same words for more than {MOST_ANSWERS} documents",
)

Terms = Callable[[str], Sequence[str]]
"""The terms of a text, as search by words counts them."""


@dataclass(frozen=True)
class Made:
    """One made query, the places of the documents that answer it, and what it belongs to."""

    text: str
    answers: tuple[int, ...]
    group: str | None = None


@dataclass(frozen=True)
class Draft:
    """Documents without what was taken out of them, the queries, and why others were dropped."""

    documents: Texts
    queries: Sequence[Made]
    dropped: Mapping[str, int] = field(default_factory=dict)


def from_titles(documents: Documents, terms: Terms, most: int, seed: int) -> Draft:
    """Each title asks for its document; no document keeps its own."""
    texts = [
        _without_prefix(title, text) or joined(title, text)
        for title, text in zip(documents.titles, documents.texts.texts, strict=True)
    ]
    candidates = [Made(title, (p,)) for p, title in enumerate(documents.titles) if title]
    return _chosen(Texts(documents.texts.ids, texts), candidates, terms, most, seed)


def from_headings(documents: Documents, terms: Terms, most: int, seed: int) -> Draft:
    """Each heading asks for the section under it; sections without headings are what is found.

    A document is cut where its Markdown or HTML headings stand. Its sections stay on one side of
    the division.
    """
    ids: list[str] = []
    texts: list[str] = []
    candidates: list[Made] = []
    for key, title, text in zip(
        documents.texts.ids, documents.titles, documents.texts.texts, strict=True
    ):
        sections = [(head, body) for head, body in cut_at_headings(text) if body] or [("", text)]
        for number, (heading, body) in enumerate(sections, start=1):
            if heading:
                candidates.append(Made(heading, (len(ids),), key))
            ids.append(key if len(sections) == 1 else f"{key}#{number}")
            texts.append(joined(title, body))
    return _chosen(Texts(ids, texts), candidates, terms, most, seed)


def askable_titles(documents: Documents, terms: Terms) -> int:
    """How many documents have a title that asks for something and does not open their text."""
    return sum(
        len(terms(title)) >= _FEWEST_ASKING and _without_prefix(title, text) == text.strip()
        for title, text in zip(documents.titles, documents.texts.texts, strict=True)
        if title
    )


def with_headings(documents: Documents) -> int:
    """How many documents have a heading with a text under it."""
    return sum(
        any(heading and body for heading, body in cut_at_headings(text))
        for text in documents.texts.texts
    )


_HEADING = re.compile(
    r"^[ ]{0,3}#{1,6}[ \t]+(?P<marked>[^\n]+?)[ \t]*#*[ \t]*$"
    r"|<h(?P<level>[1-6])\b[^>]*>(?P<tagged>.*?)</h(?P=level)\s*>",
    re.MULTILINE | re.IGNORECASE | re.DOTALL,
)
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"<[^>]+>|[*_`]{1,3}|\[([^\]]*)\]\([^)]*\)")


def cut_at_headings(text: str) -> list[tuple[str, str]]:
    r"""Heading and text of each section; what stands before the first heading has none.

    >>> cut_at_headings("Intro.\n# Loans\nThree weeks.")
    [('', 'Intro.'), ('Loans', 'Three weeks.')]
    """
    fenced = [match.span() for match in _FENCED.finditer(text)]
    found = [
        match
        for match in _HEADING.finditer(text)
        if not any(begin <= match.start() < end for begin, end in fenced)
    ]
    ends = [*(match.start() for match in found), len(text)]
    sections = [("", text[: ends[0]].strip())]
    for match, end in zip(found, ends[1:], strict=True):
        heading = _MARKS.sub(r"\1", match["marked"] or match["tagged"])
        sections.append((" ".join(heading.split()), text[match.end() : end].strip()))
    return sections


def drawn(lengths: Sequence[int], most: int, seed: int) -> list[int]:
    """At most `most` places, one at random from each of as many strata of similar length."""
    if len(lengths) <= most:
        return list(range(len(lengths)))
    random = np.random.default_rng(seed)
    strata = np.array_split(np.argsort(lengths, kind="stable"), most)
    return sorted(int(random.choice(stratum)) for stratum in strata)


def plain(text: str) -> str:
    """A text as it is compared: small letters, single spaces, no full stop.

    >>> plain(" Opening  Hours. ")
    'opening hours'
    """
    return " ".join(text.split()).casefold().rstrip(".:")


def from_model(
    documents: Documents, model: LanguageModel, most: int, seed: int, progress: Progress
) -> Draft:
    """A language model asks about at most `most` documents, which stay as they are."""
    texts = [documents.whole(place) for place in range(len(documents))]
    spoken = [place for place, text in enumerate(texts) if text.strip()]
    places = [spoken[i] for i in drawn([len(texts[place]) for place in spoken], most, seed)]
    candidates: list[Made] = []
    without = 0
    answers = model.questions([texts[place] for place in places], progress=progress)
    for place, questions in zip(places, answers, strict=True):
        candidates += [Made(question, (place,)) for question in questions]
        without += not questions
    merged = _merged(candidates)
    kept = [one for one in merged if len(one.answers) <= MOST_ANSWERS]
    dropped = {_SPEECHLESS: without, _SHARED: len(merged) - len(kept)}
    return Draft(
        Texts(documents.texts.ids, texts), kept, {why: n for why, n in dropped.items() if n}
    )


def _chosen(
    documents: Texts, candidates: Sequence[Made], terms: Terms, most: int, seed: int
) -> Draft:
    """At most `most` of the candidates, those with the same words made one."""
    fit, dropped = [], Counter[str]()
    for one in _merged(candidates):
        why = _unfit(one, documents, terms)
        if why is None:
            fit.append(one)
        else:
            dropped[why] += 1
    lengths = [len(documents.texts[one.answers[0]]) for one in fit]
    return Draft(documents, [fit[place] for place in drawn(lengths, most, seed)], dict(dropped))


def _merged(candidates: Iterable[Made]) -> list[Made]:
    alike: dict[str, list[Made]] = {}
    for one in candidates:
        alike.setdefault(plain(one.text), []).append(one)
    return [
        Made(same[0].text, tuple(dict.fromkeys(p for m in same for p in m.answers)), same[0].group)
        for same in alike.values()
    ]


def _unfit(one: Made, documents: Texts, terms: Terms) -> str | None:
    if len(one.answers) > MOST_ANSWERS:
        return _SHARED
    if len(terms(one.text)) < _FEWEST_ASKING:
        return _SHORT
    if max(len(terms(documents.texts[place])) for place in one.answers) < FEWEST_LEFT:
        return _BARE
    return None


def _without_prefix(title: str, text: str) -> str:
    """The text without the title it opens with, if it does."""
    text = text.strip()
    if title and text[: len(title)].casefold() == title.casefold():
        return text[len(title) :].lstrip(" .:-\n\t")
    return text
