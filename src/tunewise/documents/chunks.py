"""Chunks: a document cut into pieces that an encoder can take whole, where it parts best."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from tunewise.documents.borders import (
    HEADING,
    LINE,
    PARAGRAPH,
    SENTENCE,
    UNSPACED,
    WORD,
    borders,
)
from tunewise.documents.document import Chunk, Document
from tunewise.errors import DataError, OptionError

Tokens = Callable[[str], Sequence[tuple[int, int]]]
"""Where each token of a text begins and ends in it, in characters, in order."""

_FEWEST = 8
_FULL = {HEADING: 1 / 8, PARAGRAPH: 1 / 2, SENTENCE: 1 / 2, LINE: 1 / 2, WORD: 1 / 2}
"""How full a chunk is at least when it ends at such a border. A heading may leave it emptier: what
stands under two headings answers neither well."""
_LONGEST = 16
"""Characters a token at most, over a whole chunk. English has 4 to 5; but many models read a word
of 100,000 letters as one unknown token, and code has long runs of spaces that are none."""
_AHEAD = 1.2  # how much more text is looked at than a chunk of tokens like the last ones needs
_TRIES = 4  # places for the next chunk to begin at, before it begins where the last one ended
_BEFORE = 40  # characters that are looked at to see that a sentence ended

_IS_UNSPACED = re.compile(f"[{UNSPACED}]")
_SPACE = re.compile(r"\s*+")


def cut(document: Document, tokens: Tokens, *, size: int = 256, overlap: int = 32) -> list[Chunk]:
    """The chunks of a document, in order; together they hold all of it but white space.

    `tokens` gives the places of a text's tokens as the encoder has them that will encode the
    chunks (`encoder.places`; `words` where they are not known). A chunk has at most
    `size` of them, counted in its own text, and ends before a heading, between paragraphs, after a
    sentence, a line or a word: at the best of these that leaves it well filled, and the last of
    those. The next one begins up to `overlap` tokens earlier, where a sentence begins if it can,
    and never before a heading that was reached. Time grows with the length of the text.

    Raises OptionError for sizes that make no sense, DataError if one character has more than
    `size` tokens.

    >>> from tunewise.documents.words import words
    >>> text = "Loans last a month. They can be renewed. Fees are due later."
    >>> [chunk.text for chunk in cut(Document("loans", text), words, size=10, overlap=5)]
    ['Loans last a month. They can be renewed.', 'They can be renewed. Fees are due later.']
    """
    if size < _FEWEST or not 0 <= overlap <= size // 2:
        raise OptionError(
            f"Chunks of {size} tokens that overlap by {overlap} cannot be made. Give a size of at "
            f"least {_FEWEST}, and an overlap from 0 to half of it."
        )
    text, spans = document.text, []
    cutter = _Cutter(text, tokens, [place for place, _ in document.headings], size, overlap)
    begin = done = _skip(text, 0)
    while done < len(text):
        end = cutter.end(begin, done)
        if end <= done:  # what would be said again leaves no room for anything new
            begin = done
            end = cutter.end(begin, done)
        spans.append((begin, _back(text, begin, end)))
        begin, done = cutter.again(begin, end), _skip(text, end)
    return [_chunk(document, index, span, len(spans)) for index, span in enumerate(spans)]


def _chunk(document: Document, index: int, span: tuple[int, int], total: int) -> Chunk:
    begin, end = span
    above = bisect_right(document.headings, begin, key=lambda heading: heading[0])
    return Chunk(
        id=f"{document.id}#{index}",
        document=document.id,
        text=document.text[begin:end],
        start=begin,
        end=end,
        index=index,
        total=total,
        heading=document.headings[above - 1][1] if above else "",
        metadata=document.metadata,
    )


class _Cutter:
    """Finds where the chunks of one text end and begin; it remembers how long tokens were."""

    def __init__(
        self, text: str, tokens: Tokens, headings: Sequence[int], size: int, overlap: int
    ) -> None:
        self._text, self._tokens, self._headings = text, tokens, headings
        self._size, self._overlap = size, overlap
        self._letters = 5.0
        self._spans: Sequence[tuple[int, int]] = ()  # of the chunk that was ended last

    def end(self, begin: int, done: int) -> int:
        """Where the chunk that begins here ends: behind `done`, if there is room for that."""
        limit = self._reach(begin)
        while True:
            end = self._best(begin, done, limit)
            last = _back(self._text, begin, end)
            self._spans = self._tokens(self._text[begin:last])
            if len(self._spans) <= self._size:
                self._letters = (end - begin) / max(1, len(self._spans))
                return end
            # Without what stood behind it, a text may have other tokens and more of them.
            limit = min(begin + self._spans[self._size - 1][1], last - 1)
            if limit <= begin:
                raise DataError(
                    f"The character {self._text[begin]!r} alone has {len(self._spans)} tokens, and "
                    f"a chunk may have {self._size}. Give a larger size."
                )

    def again(self, begin: int, end: int) -> int:
        """Where the chunk after this one begins: within the last tokens of it, or behind it."""
        after, spans = _skip(self._text, end), self._spans
        above = bisect_left(self._headings, after)
        at_heading = above < len(self._headings) and self._headings[above] == after
        if not self._overlap or at_heading or not spans:
            return after
        low = begin + max(1, spans[-self._overlap :][0][0])
        low = max(low, self._headings[above - 1] if above else 0)
        last = _back(self._text, begin, end)
        for place in self._beginnings(low, last)[:_TRIES]:
            if len(self._tokens(self._text[place:last])) <= self._overlap:
                return place
        return after

    def _reach(self, begin: int) -> int:
        """How far `size` tokens reach from here, and the white space behind them."""
        most = min(len(self._text), begin + self._size * _LONGEST)
        width = int(self._size * self._letters * _AHEAD) + 1
        while True:
            seen = min(most, begin + width)
            spans = self._tokens(self._text[begin:seen])
            if len(spans) > self._size:
                return _skip(self._text, begin + spans[self._size - 1][1])
            if seen == most:
                return _skip(self._text, most)
            width = int(width * max(1.2, _AHEAD * self._size / max(1, len(spans)))) + 1

    def _best(self, begin: int, done: int, limit: int) -> int:
        if limit >= len(self._text) or limit <= done:
            return limit
        least = {rank: max(done, begin + full * (limit - begin)) for rank, full in _FULL.items()}
        heading = self._headings[bisect_right(self._headings, limit) - 1 :][:1]
        if heading and least[HEADING] < heading[0] <= limit:
            return heading[0]
        found = {r: place for place, r in borders(self._text, begin, limit) if place > least[r]}
        return found[max(found)] if found else _whole(self._text, max(begin, done), limit)

    def _beginnings(self, low: int, last: int) -> list[int]:
        """Where a chunk may begin from `low` on, the best first: sentences, lines, words."""
        found = [each for each in borders(self._text, low - _BEFORE, last - 1) if each[0] >= low]
        if low in self._headings[bisect_left(self._headings, low) :][:1]:
            found = [(low, HEADING), *found]
        if not found and _IS_UNSPACED.match(self._text, low):
            return [low]
        return [place for place, rank in sorted(found, key=lambda each: -min(each[1], SENTENCE))]


def _skip(text: str, place: int) -> int:
    """The first place from here on that is not white space."""
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _back(text: str, begin: int, end: int) -> int:
    """The place behind the last character before `end` that is not white space."""
    while end > begin and text[end - 1].isspace():
        end -= 1
    return end


def _whole(text: str, begin: int, limit: int) -> int:
    """The last place up to `limit` that parts no letter from its accents or vowel signs."""
    place = limit
    while place > begin + 1 and unicodedata.category(text[place]) in ("Mn", "Mc", "Me", "Cf"):
        place -= 1
    return place if place > begin + 1 else limit
