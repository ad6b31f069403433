"""From texts to the terms that lexical retrieval counts."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from tunewise.retrieval.segmentation import (
    RUN,
    UNSPACED,
    bigrams,
    has_segmenter,
    marks,
    needs_segmenter,
    words,
)

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque",
    "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "st": "sesotho", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_STOP_LISTS = {
    "da": "DANISH", "de": "GERMAN", "en": "EN_PLUS", "es": "SPANISH", "fr": "FRENCH",
    "it": "ITALIAN", "ko": "KOREAN", "nb": "NORWEGIAN", "nl": "DUTCH", "nn": "NORWEGIAN",
    "no": "NORWEGIAN", "pt": "PORTUGUESE", "ru": "RUSSIAN", "sv": "SWEDISH", "tr": "TURKISH",
    "zh": "CHINESE",
}  # fmt: skip
# Particles and auxiliaries in their base forms, as the segmenter gives them.
_JAPANESE = (
    "の は が を に で と も へ や か から まで より など ば て た だ です ます ない ぬ う よう "
    "れる られる せる させる する いる ある なる こと もの これ それ あれ この その あの"
)
_IGNORED = dict.fromkeys(map(ord, "\u00ad\u200c\u200d\u2060\ufeff"))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Analyzer:
    """How texts become terms; the same for documents and queries.

    `language` is an ISO 639-1 code, or None when it is not known. `stem` and `stop` do something
    where the language has a stemmer and a list of stop words. `segment` says how scripts
    without spaces are cut: into words, or into overlapping pairs of characters. With
    `identifiers`, file names, paths, flags and identifiers are kept whole beside their parts
    (`getName`, `*.tar.gz`, `--no-pager`), which is right for code.

    >>> Analyzer("en").tokens(["The cats' 2 diets"])
    [['cat', '2', 'diet']]
    """

    language: str | None = None
    stem: bool = True
    stop: bool = True
    segment: Literal["words", "bigrams"] = "words"
    identifiers: bool = False

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """The terms of each text, in order, repetitions kept."""
        cut, terms = self.cutter(), self.terms()
        return [[term for unit in cut(text) for term in terms(unit)] for text in texts]

    def cutter(self) -> Callable[[str], list[str]]:
        """What cuts a text into units; it depends on language and `segment` alone.

        Units are longer than terms: `dir/file.txt` is one, whatever becomes of it.
        """
        pattern, language, segment = _pattern(), self.language, self.segment
        run_start = re.compile(f"[{UNSPACED}]")

        def cut(text: str) -> list[str]:
            units = pattern.findall(_normal(text, language))
            if text.isascii():
                return units
            found: list[str] = []
            for unit in units:
                if not run_start.match(unit):
                    found.append(unit)
                elif segment == "words":
                    found += words(unit, language)
                else:
                    found += bigrams(unit)
            return found

        return cut

    def terms(self) -> Callable[[str], tuple[str, ...]]:
        """What makes the terms of a unit: none for a stop word, several for an identifier."""
        stem = _stemmer(self.language) if self.stem else str
        stop = _stop_words(self.language) if self.stop else frozenset()
        parts = _identifier_parts if self.identifiers else _parts
        lower = _lower_turkish if self.language in ("az", "tr") else str.lower

        def terms(unit: str) -> tuple[str, ...]:
            low = lower(unit)
            if low in stop:
                return ()
            inner = [lower(part) for part in parts(unit)]
            kept = [stem(part) for part in inner if part not in stop]
            if self.identifiers and inner != [low]:
                kept.append(low)
            return tuple(kept)

        return terms

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON; what a language has not got is said."""
        return {
            "language": self.language,
            "stemmer": _stemmer_name(self.language) if self.stem else None,
            "stop_words": len(_stop_words(self.language)) if self.stop else 0,
            "identifiers": self.identifiers,
            "segmentation": self._segmentation(),
        }

    def _segmentation(self) -> str:
        if self.segment == "bigrams":
            return "character bigrams"
        if needs_segmenter(self.language) and not has_segmenter(self.language):
            return "character bigrams: install tunewise[segment] for words"
        if self.language in ("lo", "km", "my"):
            return "character bigrams: there is no segmenter for this language"
        return "words"


def default_analyzer(language: str | None) -> Analyzer:
    """The analyzer to begin with: everything the language has; bigrams for Korean.

    Particles cling to Korean words and there is no stemmer to take them off; pairs of characters
    are what search engines use.

    >>> default_analyzer("ko").segment
    'bigrams'
    """
    return Analyzer(language, segment="bigrams" if language == "ko" else "words")


def has_stemmer(language: str | None) -> bool:
    """Whether there is a Snowball stemmer for this language.

    >>> has_stemmer("de"), has_stemmer("ja")
    (True, False)
    """
    return _stemmer_name(language) is not None


def has_stop_words(language: str | None) -> bool:
    """Whether there is a list of stop words for this language.

    >>> has_stop_words("de"), has_stop_words("pl")
    (True, False)
    """
    return bool(_stop_words(language))


@cache
def _pattern() -> re.Pattern[str]:
    """Runs of one unspaced script, or words with what joins and precedes them in code."""
    word = rf"(?:[^\W_{UNSPACED}]++[{marks()}]*+)++"
    whole = rf"(?:(?<!\w)[./~*$\-]*)?{word}(?:[._\-/+*:@=]+{word})*"
    return re.compile(f"{RUN.pattern}|{whole}")


@cache
def _part() -> re.Pattern[str]:
    return re.compile(rf"(?:[^\W_]++[{marks()}]*+)++")


@cache
def _letters_or_digits() -> re.Pattern[str]:
    return re.compile(rf"(?:[^\W\d_]++[{marks()}]*+)++|\d+")


def _parts(unit: str) -> list[str]:
    return [unit] if unit.isalnum() else _part().findall(unit)


def _identifier_parts(unit: str) -> list[str]:
    return _letters_or_digits().findall(_CAMEL.sub(" ", unit))


def _normal(text: str, language: str | None) -> str:
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    # NFKC takes Thai and Lao "am" apart, and dictionaries have it whole
    text = text.replace("\u0e4d\u0e32", "\u0e33").replace("\u0ecd\u0eb2", "\u0eb3")
    if language == "fa":  # the zero-width non-joiner separates a Persian word from its suffix
        text = text.replace("\u200c", " ")
    return text.translate(_IGNORED)


def _lower_turkish(text: str) -> str:
    return text.replace("İ", "i").replace("I", "ı").lower()


def _stemmer_name(language: str | None) -> str | None:
    import Stemmer

    name = _STEMMERS.get(language or "")
    return name if name in Stemmer.algorithms() else None  # older versions have fewer


def _stemmer(language: str | None) -> Callable[[str], str]:
    name = _stemmer_name(language)
    if name is None:
        return str
    import Stemmer

    stem: Callable[[str], str] = Stemmer.Stemmer(name).stemWord
    return stem


@cache
def _stop_words(language: str | None) -> frozenset[str]:
    """The language's stop words and, for those with an apostrophe, their parts."""
    if language == "ja":
        return frozenset(_JAPANESE.split())
    name = _STOP_LISTS.get(language or "")
    if name is None:
        return frozenset()
    from bm25s import stopwords

    listed = getattr(stopwords, f"STOPWORDS_{name}")
    return frozenset(part for word in listed for part in (word, *_part().findall(word)))
