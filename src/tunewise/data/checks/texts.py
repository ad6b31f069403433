"""Texts that are empty, too long, in several languages, or not readable for an encoder."""

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tunewise.data.checks.view import View, clipped, noticed, shown
from tunewise.data.language import Languages, detect, language_of
from tunewise.finding import Finding, Severity
from tunewise.task import Texts

_HUGE = 1_000_000  # bytes
_COUNTED = 20_000  # texts whose tokens are counted; of more, a sample
_READ = 500  # texts from which it is told whether an encoder can read them
_MUCH = 0.1  # share of the tokens, or of the texts, that may be cut off without a warning
_UNKNOWN = 0.05  # share of words that may be unknown to an encoder
_SPELLED = 1.6  # letters a token, at most, where words fall into single letters
_UNSPACED = {"Han", "Japanese", "Hangul", "Thai", "Lao", "Khmer", "Myanmar"}


class Reader(Protocol):
    """What a check asks of an encoder. It may also have `unknown_share(texts)`: see D041."""

    @property
    def name(self) -> str:
        """What the user called it."""

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that are read; None where no limit is known."""

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of each text before anything is cut off; -1 where unknown."""


def empty(view: View) -> list[Finding]:
    """D027 documents and D028 queries without any text."""
    findings = []
    for code, kind, kinds, texts in _sides(view, ("D027", "D028")):
        blank = [k for k, text in zip(texts.ids, texts.texts, strict=True) if not text.strip()]
        if blank:
            examples = tuple(f"{kind} '{key}'" for key in blank[:3])
            advice = (
                "They stay in and can only be found or answered by chance. Mend or remove them."
            )
            title = f"{kinds} are empty"
            findings.append(Finding(code, "warning", title, len(blank), examples, advice))
    return findings


def huge(view: View) -> list[Finding]:
    """D031 documents of a megabyte or more."""
    documents = view.task.documents
    large = [
        f"{shown('document', documents, key)} ({len(text):,} characters)"
        for key, text in zip(documents.ids, documents.texts, strict=True)
        if len(text) >= _HUGE // 4 and len(text.encode("utf-8", "replace")) >= _HUGE
    ]
    advice = "An encoder reads only the beginning. Cut such documents into passages."
    title = "Documents are larger than a megabyte"
    return noticed("D031", "warning", title, large, advice)


def cut_off(view: View, encoder: Reader) -> list[Finding]:
    """D029 documents and D030 queries of which the encoder does not read the end."""
    limit = encoder.max_tokens
    if limit is None:
        return []
    sides = _sides(view, ("D029", "D030"))
    return [each for side in sides for each in _cut_off(*side, encoder, limit)]


def _cut_off(
    code: str, kind: str, kinds: str, texts: Texts, encoder: Reader, limit: int
) -> list[Finding]:
    places = _sample(len(texts), _COUNTED)
    counts = encoder.count_tokens([texts.texts[place] for place in places])
    over = np.flatnonzero(counts > limit)
    if not len(over) or counts.min() < 0:
        return []
    lost = float((counts[over] - limit).sum() / counts.sum())
    share = len(over) / len(places)
    severity: Severity = "warning" if max(lost, share) >= _MUCH else "note"
    longest = over[np.argsort(-counts[over], kind="stable")][:3]
    sampled = "" if len(places) == len(texts) else f", estimated from {len(places):,} of them"
    advice = (
        f"'{encoder.name}' reads {limit} tokens and never sees the rest: {lost:.1%} of all "
        f"tokens{sampled}. Cut them into passages, or use an encoder that reads more."
    )
    return [
        Finding(
            code,
            severity,
            f"{kinds} are longer than the encoder reads ({share:.1%})",
            round(share * len(texts)),
            tuple(
                f"{shown(kind, texts, texts.ids[places[int(n)]])} ({int(counts[n]):,} tokens)"
                for n in longest
            ),
            advice,
        )
    ]


def languages(view: View) -> list[Finding]:
    """D038 texts in several languages, D039 queries in another language than the documents."""
    documents = detect(view.task.documents.texts)
    queries = detect(view.judged.texts)
    findings = []
    for kind, kinds, texts, found in (
        ("document", "Documents", view.task.documents, documents),
        ("query", "Queries", view.judged, queries),
    ):
        if len(found.shares) > 1:
            findings.append(_mixed(kind, kinds, texts, found))
    if documents.main and queries.main and queries.main not in documents.shares:
        advice = "Use an encoder made for several languages; lexical search cannot match words."
        title = (
            f"Queries are in another language ({queries.main}) than the documents "
            f"({documents.main})"
        )
        examples = _examples("query", view.judged, {queries.main: 1.0})
        findings.append(Finding("D039", "warning", title, len(view.judged), examples, advice))
    return findings


def _mixed(kind: str, kinds: str, texts: Texts, found: Languages) -> Finding:
    told = ", ".join(f"{code} {share:.0%}" for code, share in found.shares.items())
    others = {code: share for code, share in found.shares.items() if code != found.main}
    return Finding(
        "D038",
        "warning",
        f"{kinds} are in several languages ({told})",
        round((1 - found.shares[found.main]) * len(texts)),
        _examples(kind, texts, others),
        "Use an encoder made for all of them. Lexical search stems by the main language only.",
    )


def _examples(kind: str, texts: Texts, wanted: Mapping[str, float]) -> tuple[str, ...]:
    examples: list[str] = []
    for place in _sample(len(texts), 2000):
        language = language_of(texts.texts[place])
        if language in wanted:
            examples.append(f"{shown(kind, texts, texts.ids[place])} ({language})")
        if len(examples) == 3:
            break
    return tuple(examples)


def unreadable(view: View, encoder: Reader) -> list[Finding]:
    """D041 texts in a script for which the encoder has no words."""
    findings = []
    for code, _, kinds, texts in _sides(view, ("D041", "D041")):
        chosen = [texts.texts[place] for place in _sample(len(texts), _READ)]
        reason = _reason(chosen, encoder)
        if reason:
            findings.append(
                Finding(
                    code,
                    "warning",
                    f"{kinds} are hard to read for '{encoder.name}': {reason}",
                    len(texts),
                    tuple(clipped(text) for text in chosen[:3]),
                    "Use an encoder made for this language, or one made for many.",
                )
            )
    return findings


def _reason(texts: Sequence[str], encoder: Reader) -> str:
    """Why the encoder cannot read these texts, or "" when it can."""
    unknown_share = getattr(encoder, "unknown_share", None)
    unknown = float(unknown_share(texts)) if unknown_share else 0.0
    if unknown > _UNKNOWN:
        return f"{unknown:.0%} of the words are unknown to it"
    script = next(iter(detect(texts).scripts), "Latin")
    tokens = encoder.count_tokens(texts)
    if script == "Latin" or script in _UNSPACED or not len(tokens) or tokens.min() < 0:
        return ""
    letters = sum(character.isalpha() for text in texts for character in text)
    spelled = letters / max(1, int(tokens.sum())) < _SPELLED
    return f"it spells {script} words letter by letter" if spelled else ""


def _sides(view: View, codes: tuple[str, str]) -> list[tuple[str, str, str, Texts]]:
    """Code, kind, kind as a title begins, texts: for documents and for judged queries."""
    return [
        (codes[0], "document", "Documents", view.task.documents),
        (codes[1], "query", "Queries", view.judged),
    ]


def _sample(texts: int, most: int) -> list[int]:
    """Places of all texts, or of a fixed sample of them."""
    if texts <= most:
        return list(range(texts))
    return sorted(random.Random(0).sample(range(texts), most))  # noqa: S311 - a sample, no secret
