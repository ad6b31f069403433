"""Near-duplicates: which texts say the same in almost the same words.

Two texts are near-duplicates when the Jaccard similarity of their sets of word pairs is high
enough. Found by an exact set-similarity join, not by sampling hashes as MinHash does: no pair is
missed and none is wrong. Three filters that can only drop pairs below the similarity make it fast:

- prefix (Chaudhuri et al. 2006): with the elements of every set in one global order, rarest first,
  two similar sets share one of their first (1 - similarity) * size + 1 elements;
- size: the smaller set has at least similarity * the size of the larger;
- bitmap (Sandes et al. 2020): the bits in which two folded sets differ are no more than the
  elements in which they differ.

What is left is compared word by word.
"""

import hashlib
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import OptionError

Words = list[str]
_EDGE = ""  # stands before the first and after the last word, so that their places count
_BLOCK = 4_000_000  # characters worked on at once; bounds the memory
_SAMPLE = 5_000  # texts from which it is learned what is rare
_SLACK = 1e-9  # for the last digit of a division
_REMEMBERED = 4  # answers; eight bytes a text each
_BITS = 256  # of a bitmap: enough to tell sets of up to about a thousand elements apart

# Han, kana, Thai, Lao, Burmese, Khmer: no spaces between words, so a letter stands for a word.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff])"
)

_ANSWERED: dict[tuple[bytes, float], NDArray[np.int64]] = {}


@dataclass(frozen=True)
class _Index:
    """What the join needs of different, non-empty texts, `places` of all texts.

    `keys` are the leading elements, with their `owners` (places); `sizes` and `bitmaps`
    (n, 4) are aligned with `places`.
    """

    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    bitmaps: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    owners: NDArray[np.int64]


def near_duplicates(texts: Sequence[str], *, similarity: float = 0.9) -> NDArray[np.int64]:
    """The place of the first text of each text's cluster of near-duplicates, int64, (n,).

    Two texts are joined when the sets of pairs of neighbouring words (`words`; the text's two
    edges count as words) have a Jaccard similarity of at least `similarity`, from above 0 to 1;
    clusters are what such pairs connect. At 0.9 texts of fewer than ten words are joined only
    when they are equal but for case, punctuation and white space; a text of forty may differ in
    one word. Empty texts are joined with each other and with nothing else.

    The size of the shingle is the same for all lengths on purpose: one that grew with the length
    would part two texts on either side of the border. The last few answers are remembered, for
    findings, division and training ask about the same texts; they cannot be written to. Raises
    OptionError for a similarity outside (0, 1].

    >>> near_duplicates(["Show files!", "list users", "show  files", "show a file"]).tolist()
    [0, 1, 0, 3]
    """
    if not 0 < similarity <= 1:
        raise OptionError(
            f"The similarity is {similarity}, but it is a share: choose one above 0 and up to 1."
        )
    asked = (_content(texts), similarity)
    if asked not in _ANSWERED:
        while len(_ANSWERED) >= _REMEMBERED:
            _ANSWERED.pop(next(iter(_ANSWERED)), None)
        labels = _clusters(texts, similarity)
        labels.flags.writeable = False
        _ANSWERED[asked] = labels
    return _ANSWERED[asked]


def _content(texts: Sequence[str]) -> bytes:
    """What tells these texts from others, without keeping them."""
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.digest()


def _clusters(texts: Sequence[str], similarity: float) -> NDArray[np.int64]:
    labels = np.arange(len(texts), dtype=np.int64)
    rarity = _rarity(texts)
    first_of: dict[bytes, int] = {}
    parts = []
    for begin, block in _blocks(texts):
        fresh = []
        for place, listed in enumerate(block, start=begin):
            labels[place] = first_of.setdefault(_digest(listed), place)
            if listed and labels[place] == place:
                fresh.append(place)
        if fresh:
            parts.append(_index([block[p - begin] for p in fresh], fresh, rarity, similarity))
    return _join(texts, parts, similarity)[labels] if parts else labels


def words(text: str) -> Words:
    """The words by which texts are compared: case, punctuation and white space do not count.

    In scripts written without spaces every letter is a word. A text that is nothing but
    punctuation keeps it, so that `.` and `?` stay apart. Nothing for an empty text.

    >>> words("What's  NEW?")
    ['what', 's', 'new']
    >>> words("東京 tower")
    ['東', '京', 'tower']
    """
    folded = text.casefold()
    if not folded.isascii():
        folded = _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFKC", folded))
    return _punctuation().sub(" ", folded).split() or folded.split()


@cache
def _punctuation() -> re.Pattern[str]:
    # Only the basic plane: a class that reaches beyond it is ten times slower to match.
    every = (chr(c) for c in range(0x10000))
    return re.compile(f"[{re.escape(''.join(c for c in every if _is_punctuation(c)))}]+")


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, list[Words]]]:
    begin, size = 0, 0
    block: list[Words] = []
    for place, text in enumerate(texts):
        block.append(words(text))
        size += len(text)
        if size >= _BLOCK:
            yield begin, block
            begin, size, block = place + 1, 0, []
    if block:
        yield begin, block


def _hashed(texts: Sequence[Words]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The pairs of neighbouring words as 64-bit hashes, and the text in which each stands."""
    stream = list(chain.from_iterable((_EDGE, *listed) for listed in texts))
    lengths = [len(listed) + 1 for listed in texts]
    numbers = {word: _number(word) for word in set(stream)}
    first = np.fromiter(map(numbers.__getitem__, stream), dtype=np.uint64, count=len(stream))
    second = np.append(first[1:], np.uint64(_number(_EDGE)))
    return _mix(first * np.uint64(0x9E3779B97F4A7C15) + second), np.repeat(
        np.arange(len(texts)), lengths
    )


def _number(word: str) -> int:
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of the result depends on every bit of the value (splitmix64's finish)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed


def _rarity(texts: Sequence[str]) -> NDArray[np.uint64]:
    """How common a pair of words is, by the first bits of its hash: 0 for rare to 255.

    Any fixed order of the elements gives the same clusters; a good one gives them faster.
    """
    places: Sequence[int] = range(len(texts))
    if len(texts) > _SAMPLE:  # drawn, since every sixth text may be of one kind
        places = sorted(random.Random(0).sample(places, _SAMPLE))  # noqa: S311 - no secret
    counts = np.zeros(1 << (20 if len(texts) >= 1000 else 14), dtype=np.int64)
    for _, block in _blocks([texts[place] for place in places]):
        hashes, _ = _hashed(block)
        counts += np.bincount(_slot(hashes, counts), minlength=counts.size)
    levels: NDArray[np.uint64] = np.minimum(8 * np.log2(1 + counts), 255).astype(np.uint64)
    return levels


def _slot(hashes: NDArray[np.uint64], table: NDArray[Any]) -> NDArray[np.int64]:
    return (hashes >> np.uint64(65 - table.size.bit_length())).astype(np.int64)


def _index(
    texts: Sequence[Words], places: Sequence[int], rarity: NDArray[np.uint64], similarity: float
) -> _Index:
    hashes, owners = _hashed(texts)
    keys = (rarity[_slot(hashes, rarity)] << np.uint64(56)) | (hashes >> np.uint64(8))
    order = np.lexsort((keys, owners))
    keys, owners = keys[order], owners[order]
    new = np.append(True, (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1]))
    keys, owners = keys[new], owners[new]
    sizes = np.bincount(owners)
    starts = np.cumsum(sizes) - sizes
    prefix = sizes - np.ceil(similarity * sizes - _SLACK).astype(np.int64) + 1
    leading = np.arange(len(keys)) - starts[owners] < prefix[owners]
    everywhere = np.asarray(places, dtype=np.int64)
    return _Index(
        everywhere, sizes, _bitmaps(keys, starts), keys[leading], everywhere[owners[leading]]
    )


def _bitmaps(keys: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Each set folded to 256 bits: a bit says whether an odd number of elements fell on it."""
    bits = _mix(keys) % np.uint64(_BITS)
    spread = np.zeros((len(keys), _BITS // 64), dtype=np.uint64)
    spread[np.arange(len(keys)), bits >> np.uint64(6)] = np.uint64(1) << (bits & np.uint64(63))
    return np.bitwise_xor.reduceat(spread, starts, axis=0)


def _join(texts: Sequence[str], parts: Sequence[_Index], similarity: float) -> NDArray[np.int64]:
    """Each place's cluster, named by its first place."""
    sizes = np.zeros(len(texts), dtype=np.int64)
    bitmaps = np.zeros((len(texts), _BITS // 64), dtype=np.uint64)
    for part in parts:
        sizes[part.places], bitmaps[part.places] = part.sizes, part.bitmaps
    clusters = _Clusters(len(texts))
    elements = lru_cache(maxsize=1024)(lambda place: _elements(texts[place]))
    differing = (1 - similarity) / (1 + similarity) + _SLACK  # of the sum of the sizes, at most
    for small, large in _candidates(parts, sizes, similarity, clusters):
        unlike = np.bitwise_count(bitmaps[small] ^ bitmaps[large]).sum(axis=1, dtype=np.int64)
        close = unlike <= differing * (sizes[small] + sizes[large])
        for a, b in zip(small[close].tolist(), large[close].tolist(), strict=True):
            if clusters.of[a] != clusters.of[b] and (
                _jaccard(elements(a), elements(b)) >= similarity - _SLACK
            ):
                clusters.merge(a, b)
    return clusters.firsts()


def _candidates(
    parts: Sequence[_Index], sizes: NDArray[np.int64], similarity: float, clusters: "_Clusters"
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Places of pairs that share a leading element, fit in size and are not yet in one cluster.

    Owners of the same element stand in a run, the smaller sets first; every step pairs each
    with the one `step` places on.
    """
    keys = np.concatenate([part.keys for part in parts])
    owners = np.concatenate([part.owners for part in parts])
    order = np.lexsort((owners, sizes[owners], keys))
    keys, owners = keys[order], owners[order]
    equal = np.append(False, keys[1:] == keys[:-1])
    shared = equal | np.append(equal[1:], False)
    keys, owners = keys[shared], owners[shared]
    if not len(keys):
        return
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    runs = np.diff(np.append(starts, len(keys)))
    ends = np.repeat(starts + runs, runs)
    active, step = np.arange(len(keys)), 1
    while len(active := active[active + step < ends[active]]):
        small, large = owners[active], owners[active + step]
        fits = sizes[small] >= similarity * sizes[large] - _SLACK
        apart = fits & (clusters.of[small] != clusters.of[large])
        yield small[apart], large[apart]
        active = active[fits]
        if step & (step - 1) == 0:  # at 1, 2, 4 …: a run that is one cluster by now is done
            found = clusters.of[owners]
            mixed = np.minimum.reduceat(found, starts) < np.maximum.reduceat(found, starts)
            active = active[np.repeat(mixed, runs)[active]]
        step += 1


class _Clusters:
    """Which cluster each place is in; clusters only grow. `of` is always up to date."""

    def __init__(self, places: int) -> None:
        self.of = np.arange(places, dtype=np.int64)
        self._members: dict[int, list[int]] = {}

    def merge(self, a: int, b: int) -> None:
        """Puts the clusters of these two places together, the smaller into the larger."""
        pair = [int(self.of[a]), int(self.of[b])]
        less, more = sorted(pair, key=lambda name: len(self._members.get(name, [name])))
        moved = self._members.pop(less, [less])
        self.of[moved] = more
        self._members.setdefault(more, [more]).extend(moved)

    def firsts(self) -> NDArray[np.int64]:
        """For each place, the first place of its cluster."""
        first = np.full(len(self.of), len(self.of), dtype=np.int64)
        np.minimum.at(first, self.of, np.arange(len(self.of)))
        return first[self.of]


def _elements(text: str) -> frozenset[tuple[str, str]]:
    return frozenset(pairwise((_EDGE, *words(text), _EDGE)))


def _jaccard(a: frozenset[tuple[str, str]], b: frozenset[tuple[str, str]]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _digest(listed: Words) -> bytes:
    return hashlib.blake2b(" ".join(listed).encode("utf-8", "surrogatepass")).digest()[:16]
