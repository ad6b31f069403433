"""Borders: where a text may be parted, and how well."""

import re
from collections.abc import Iterator

HEADING, PARAGRAPH, SENTENCE, LINE, WORD = 4, 3, 2, 1, 0
"""How well a text parts at a border: before a heading best, between two words worst."""

UNSPACED = (
    "\u0e01-\u0e4e\u0e80-\u0edf\u1000-\u109f\u1780-\u17dd"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003fffd"  # kana and Chinese characters
)
"""The inside of a character class: scripts that are written without spaces between words."""

_SHORT = (
    r"\b(?:e\.g|i\.e|etc|vs|cf|ca|[Dd]r|Mr|Mrs|Ms|Prof|Fig|No|Nr|St|z\.B|d\.h|bzw|vgl|p|pp|[A-Z])"
)
_THAI = "\u0e01-\u0e4e"
_BORDER = re.compile(
    rf"""
      (?P<paragraph> \n[^\S\n]*+\n\s*+ )
    | (?P<line> \n\s*+ )
    | (?P<stop>
        (?<! [.!?…] ) [.!?…]++ ["'”’»)\]]*+ (?P<gap>\s++) (?= \w | ["'“‘«(\[¿¡*`\#-] )
      | [。！？｡।॥؟۔።။។՞]++ [」』”’）)]*+ (?P<space>\s*+)
      | (?<= [{_THAI}] ) [ ]++ (?= [{_THAI}] )
      )
    | (?P<word> \s++ )
    """,
    re.VERBOSE,
)
_ABBREVIATED = re.compile(rf"{_SHORT}\.\Z")
_LONGEST_SHORT = 6


def borders(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """(place, how well) of every border behind `begin` and up to `end`, in order.

    A place is where what comes after a border begins. Headings are not known here. Sentences end
    as they do in the scripts of Europe, India and East Asia; Thai parts its phrases by spaces.
    The text is passed over once.

    >>> list(borders("It rained, e.g. in May. Then it stopped.", 0, 40))[-4:]
    [(19, 0), (24, 2), (29, 0), (32, 0)]
    """
    # What stands at the last border has to be seen, to know what it parts.
    for match in _BORDER.finditer(text, max(0, begin), end + 1):
        place = match.end()
        if begin < place <= end:
            yield place, _rank(text, match)


def _rank(text: str, match: re.Match[str]) -> int:
    if match["paragraph"] or match["line"]:
        return PARAGRAPH if match["paragraph"] else LINE
    if not match["stop"]:
        return WORD
    if (match["gap"] or match["space"] or "").count("\n") > 1:
        return PARAGRAPH
    if match["gap"] is None:
        return SENTENCE
    stop = match.start() + 1
    short = _ABBREVIATED.search(text, max(0, stop - _LONGEST_SHORT), stop)
    return WORD if short or text[match.end()].islower() else SENTENCE
