"""What a report shows of groups: a map, what each is about, which labels are mixed up in them."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tunewise.data.labelled import LabelledTexts
from tunewise.kinds.clustering.grouping import Numbers, middles, space_of
from tunewise.kinds.clustering.metrics import GOLD, score
from tunewise.kinds.clustering.texts import has_gold
from tunewise.kinds.doubles import doubles
from tunewise.kinds.kind import Contender, Shown, Vectors
from tunewise.kinds.panels import Panel, Spots, Table, excerpt

_SPOTS = 600  # texts on the map
_FEW = 50  # texts below which neighbours say little: the map is then of main components
_NEAR = 30.0  # neighbours that a text keeps near itself on the map
_COMPONENTS = 40
_GROUPS = 50  # told of
_MIXED = 8  # pairs of labels told of
NO_GROUP = "in no group"


def panels(shown: Shown) -> list[Panel]:
    """A map, the groups with their words and central texts, mixed-up labels, doubles apart."""
    part: LabelledTexts = shown.judged
    answers: Numbers = shown.answers[shown.contender.name]
    rows = _rows(shown.contender, part.texts)
    found: list[Panel] = [
        _map(shown.contender, rows, answers),
        _table(shown.contender, part, rows, answers),
    ]
    if not has_gold(part):
        return found
    mixed = _mixed(part, answers)
    if mixed.rows:
        found.append(mixed)
    return found + doubles(shown, score, GOLD[0])


def _rows(contender: Contender, texts: Sequence[str]) -> Vectors:
    return space_of(contender.encoder, contender.settings, contender.arrays).rows(texts)


def _map(contender: Contender, rows: Vectors, answers: Numbers) -> Spots:
    names = [*contender.settings["names"], NO_GROUP]
    some = np.sort(np.random.default_rng(0).permutation(len(rows))[:_SPOTS])
    places = _flat(rows[some])
    groups = np.where(answers[some] >= 0, answers[some], len(names) - 1)
    return Spots(
        "Map of the groups",
        f"{len(some):,} test texts; those near each other are alike. How far apart two groups lie "
        "says little, nor does how large one looks. A group is named by its telling words.",
        [(float(x), float(y), int(g)) for (x, y), g in zip(places, groups, strict=True)],
        names,
    )


def _flat(rows: Vectors) -> NDArray[np.float64]:
    """Rows (n, d) on a plane (n, 2): neighbours stay neighbours (van der Maaten & Hinton 2008)."""
    from sklearn.manifold import TSNE

    centred = rows.astype(np.float64) - rows.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:_COMPONENTS]
    places = centred @ directions.T
    places = np.hstack([places, np.zeros((len(rows), max(0, 2 - places.shape[1])))])
    if len(rows) < _FEW or not np.ptp(places[:, 0]):
        return np.asarray(places[:, :2])
    near = min(_NEAR, (len(rows) - 1) / 3)
    return np.asarray(TSNE(perplexity=near, init="pca", random_state=0).fit_transform(places))


def _table(contender: Contender, part: LabelledTexts, rows: Vectors, answers: Numbers) -> Table:
    names, gold = contender.settings["names"], has_gold(part)
    told = []
    for group, size in Counter(answers.tolist()).most_common(_GROUPS):
        inside = np.flatnonzero(answers == group)
        name, central = NO_GROUP, ""
        if group >= 0:
            off = rows[inside] - middles(rows[inside], np.zeros(size, dtype=np.int64))
            name = names[group]
            central = excerpt(part.texts[inside[int(np.einsum("nd,nd->n", off, off).argmin())]])
        row: list[str | int] = [name, size, central]
        if gold:
            label, times = Counter(part.labels[inside].tolist()).most_common(1)[0]
            row += [part.names[label], f"{100 * times / size:.0f} %"]
        told.append(row)
    columns = ("telling words", "test texts", "central text")
    return Table(
        "The groups, largest first",
        f"{len(set(answers.tolist()) - {-1}):,} groups hold test texts; here are {_GROUPS} at the "
        "most. Telling words are those "
        "that a group's train texts have and others lack; the central text lies nearest to the "
        "middle of its group.",
        (*columns, "mostly", "of the group") if gold else columns,
        told,
    )


def _mixed(part: LabelledTexts, answers: Numbers) -> Table:
    """Labels that share groups: how many texts of the rarer one lie beside as many of the other."""
    beside: Counter[tuple[int, int]] = Counter()
    for group in np.unique(answers[answers >= 0]).tolist():
        counts = Counter(part.labels[answers == group].tolist())
        for one, other in combinations(sorted(counts), 2):
            beside[one, other] += min(counts[one], counts[other])
    sizes = np.bincount(part.labels, minlength=len(part.names))
    rows = [
        (part.names[one], part.names[other], times,
         f"{100 * times / min(sizes[one], sizes[other]):.0f} %")
        for (one, other), times in beside.most_common(_MIXED)
    ]  # fmt: skip
    return Table(
        "Most mixed up",
        "Pairs of labels that lie in the same groups: texts of one beside as many of the other. "
        "Look whether they are two things at all.",
        ("label", "mixed with", "texts of each", "of the rarer label's"),
        rows,
    )
