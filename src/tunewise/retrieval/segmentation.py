"""Words in scripts that are written without spaces between them."""

import os
import re
import unicodedata
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from types import ModuleType

from tunewise.extras import need

Cut = Callable[[str], list[str]]

_HAN_KANA = "\u2e80-\u2fd5\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u309f\u30a0-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"  # noqa: E501
_HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_THAI = "\u0e01-\u0e4e"
_LAO_KHMER_BURMESE = (
    "\u0e80-\u0ecd\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3\ua9e0-\ua9ef\uaa60-\uaa7f"
)

UNSPACED = _HAN_KANA + _HANGUL + _THAI + _LAO_KHMER_BURMESE
"""The inside of a character class: scripts whose runs are cut here. Hangul has spaces, but
particles cling to its words, so that its runs are whole words or bigrams."""

RUN = re.compile(f"[{_HAN_KANA}]+|[{_HANGUL}]+|[{_THAI}]+|[{_LAO_KHMER_BURMESE}]+")
_KANA = re.compile("[\u3041-\u309f\u30a1-\u30fa\u31f0-\u31ff]")
_PACKAGES = {"ja": ("fugashi", "unidic_lite"), "zh": ("jieba",), "th": ("pythainlp",)}


@cache
def has_segmenter(language: str | None) -> bool:
    """Whether words of this language (ISO 639-1) can be cut out here: the extra is installed.

    >>> has_segmenter("lo")
    False
    """
    packages = _PACKAGES.get(language or "", ())
    return bool(packages) and all(find_spec(package) for package in packages)


def needs_segmenter(language: str | None) -> bool:
    """Whether a package for cutting words exists for this language, installed or not.

    >>> needs_segmenter("th"), needs_segmenter("en")
    (True, False)
    """
    return language in _PACKAGES


def words(run: str, language: str | None) -> list[str]:
    """The words of a run of one script; `bigrams` where no segmenter is installed or exists.

    `language` decides for Chinese characters only, and only when the run has no kana. Long words
    come with the words inside them (清华大学 also gives 清华 and 大学), for people search for
    those too. Japanese verbs and adjectives come in their base form.

    >>> words("한국어를", "ko")
    ['한국어를']
    """
    tongue = _tongue(run, language)
    if tongue == "ko":
        return [run]
    if not has_segmenter(tongue):
        return bigrams(run)
    return _cutter(tongue)(run)


def bigrams(run: str) -> list[str]:
    """Overlapping pairs of characters, vowel signs staying with theirs; a lone one as it is.

    >>> bigrams("東京都")
    ['東京', '京都']
    """
    characters = re.findall(f".[{marks()}]*", run)
    if len(characters) < 2:
        return characters
    return [a + b for a, b in pairwise(characters)]


@cache
def marks() -> str:
    r"""The inside of a character class: vowel signs and accents that Unicode keeps apart.

    Python's `\w` leaves them out, which would cut every Hindi word into pieces.
    """
    everywhere = map(chr, range(0x300, 0x1D200))
    return "".join(c for c in everywhere if unicodedata.category(c) in ("Mn", "Mc"))


def _tongue(run: str, language: str | None) -> str | None:
    if re.match(f"[{_HANGUL}]", run):
        return "ko"
    if re.match(f"[{_THAI}]", run):
        return "th"
    if re.match(f"[{_LAO_KHMER_BURMESE}]", run):
        return None
    return "ja" if language == "ja" or _KANA.search(run) else "zh"


def _cutter(tongue: str | None) -> Cut:
    return {"ja": _japanese, "zh": _chinese, "th": _thai}[tongue or ""]()


@cache
def _japanese() -> Cut:
    fugashi = need("fugashi", extra="segment")
    folder = need("unidic_lite", extra="segment").DICDIR
    # MeCab splits its arguments itself; a folder with a space in its name needs the quotes
    tagger = fugashi.Tagger(f'-d "{folder}"')

    def cut(run: str) -> list[str]:
        return [getattr(word.feature, "orthBase", None) or word.surface for word in tagger(run)]

    return cut


@cache
def _chinese() -> Cut:
    jieba = _quietly("jieba")
    tokenizer = jieba.Tokenizer()
    # filled here, for jieba itself would read and write a cache in the shared temporary folder
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True

    def cut(run: str) -> list[str]:
        return list(tokenizer.cut_for_search(run))

    return cut


@cache
def _thai() -> Cut:
    tokenize = _quietly("pythainlp.tokenize").word_tokenize
    known = need("pythainlp.corpus", extra="segment").thai_words()

    def inside(word: str) -> list[str]:
        for middle in range(2, len(word) - 1):
            if word[:middle] in known and word[middle:] in known:
                return [word[:middle], word[middle:]]
        return []

    def cut(run: str) -> list[str]:
        found = tokenize(run, engine="newmm-safe", keep_whitespace=False)
        return [part for word in found for part in (*inside(word), word)]

    return cut


def _quietly(module: str) -> ModuleType:
    """The module, imported without its warnings and without a folder made in the user's home."""
    before = os.environ.get("PYTHAINLP_READ_ONLY")
    os.environ["PYTHAINLP_READ_ONLY"] = "1"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return need(module, extra="segment")
    finally:
        if before is None:
            del os.environ["PYTHAINLP_READ_ONLY"]
        else:
            os.environ["PYTHAINLP_READ_ONLY"] = before
