"""What a report shows of recommendations: some users, cold items, how popular what is named is."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.kind import Shown
from tunewise.kinds.panels import Panel, Table, apart, bare, excerpt
from tunewise.kinds.recommendation.metrics import DECIDING, first, score
from tunewise.kinds.recommendation.part import Numbers, Part, taken
from tunewise.rankings import Rankings

FEW = 5  # events in train, below which an item is cold
_USERS, _LATEST, _NAMED = 3, 5, 5
_LONGEST = 60
_TAIL = (0.01, 0.1, 0.5)  # of all items, the most popular first


def panels(shown: Shown) -> list[Panel]:
    """Three users, cold items apart, popularity of what is named, equal texts apart."""
    part: Part = shown.judged
    found: list[Panel] = [_users(shown)]
    cold = part.counts < FEW
    title, told = "Cold items", f"chosen fewer than {FEW} times in train"
    found += _apart(shown, cold, title, told)
    found.append(_popularity(shown))
    known = known_texts(part)
    if known.any() and not known.all():
        found.append(_without(shown, known))
    return found


def known_texts(part: Part) -> NDArray[np.bool_]:
    """Of which users (n,) all that was chosen next has the text of an item had before."""
    plain = [bare(text) for text in part.texts]
    numbers = np.unique(np.array(plain, dtype=object), return_inverse=True)[1]
    spoken = np.array([bool(text) for text in plain], dtype=bool)
    asked = part.question
    had = np.repeat(np.arange(len(part)), np.diff(asked.starts)) * len(plain)
    wants = np.repeat(np.arange(len(part)), np.diff(part.wanted_starts)) * len(plain)
    new = ~np.isin(wants + numbers[part.wanted], had + numbers[asked.places])
    new |= ~spoken[part.wanted]
    return np.asarray(np.bincount(wants[new] // max(1, len(plain)), minlength=len(part)) == 0)


def _users(shown: Shown) -> Table:
    """Three users across the test part: what they had, what is recommended, what they chose."""
    part: Part = shown.judged
    answers: Rankings = shown.answers[shown.contender.name]
    rows: list[tuple[str, str, str, str]] = []
    for user in np.unique(np.linspace(0, len(part) - 1, _USERS).astype(int)).tolist():
        had = _places(part.question.starts, part.question.places, user)[::-1][:_LATEST]
        chose = _places(part.wanted_starts, part.wanted, user).tolist()
        named = _places(answers.starts, answers.documents, user)[:_NAMED].tolist()
        columns = (
            [part.question.users[user]],
            _before(part, user, had),
            [f"{_called(part, p)}{' ✓' if p in chose else ''}" for p in named] or ["nothing"],
            [_called(part, place) for place in chose[:_LATEST]],
        )
        rows += zip_longest(*columns, fillvalue="")
    return Table(
        "What some users are shown",
        f"Of some users the {_LATEST} items they had last, the latest first; the first {_NAMED} "
        f"that {shown.contender.name} recommends; and what they chose next (✓ where it is among "
        "these).",
        ("user", "had", "recommended", "chosen next"),
        rows,
    )


def _before(part: Part, user: int, had: Numbers) -> list[str]:
    """What was known of a user: what they had, else what is said of them."""
    if len(had):
        return [_called(part, place) for place in had]
    return [f"(new) {excerpt(part.question.profiles[user])}"]


def _apart(shown: Shown, items: NDArray[np.bool_], title: str, told: str) -> list[Panel]:
    """The metrics over items of one sort, beside nDCG@10 over all others; none where all are so."""
    part: Part = shown.judged
    some, users = part.wanting(items)
    others, rest = part.wanting(~items)
    if not len(some) or not len(others):
        return []
    rows: list[list[str | float]] = []
    for name, answers in shown.answers.items():
        scores = score(_of(answers, users), some, DECIDING)
        beside = score(_of(answers, rest), others, DECIDING[:1]).mean(DECIDING[0])
        means = [round(scores.mean(metric), 4) for metric in DECIDING]
        rows.append([name, *means, round(beside, 4)])
    chosen = int(items[part.wanted].sum())
    caption = (
        f"{int(items.sum()):,} of {len(items):,} items are {told} "
        f"({int((part.counts == 0).sum()):,} never); {chosen:,} of {len(part.wanted):,} that were "
        "chosen next are such. Only contenders that read texts can name an item nobody has chosen."
    )
    return [Table(title, caption, ("contender", *DECIDING, "nDCG@10, others"), rows)]


def _popularity(shown: Shown) -> Table:
    """Where among the items, most popular first, the first ten of each contender lie."""
    part: Part = shown.judged
    rank = np.argsort(np.argsort(-part.counts, kind="stable"))
    edges = [max(1, round(share * len(rank))) for share in _TAIL]
    tier = np.searchsorted(edges, rank, side="right")
    rows = [("chosen next", *_shares(tier[part.wanted]))]
    rows += [(name, *_shares(tier[first(one)[1]])) for name, one in shown.answers.items()]
    heads = [f"top {100 * share:g} %" for share in _TAIL]
    return Table(
        "How popular what is recommended is",
        "Of the first ten, the share that lies among the most popular items of train, the next "
        "ones, and the rest. The first row has what users chose.",
        ("contender", heads[0], *(f"to {head}" for head in heads[1:]), "rest"),
        rows,
    )


def _shares(tiers: Numbers) -> list[str]:
    counts = np.bincount(tiers, minlength=len(_TAIL) + 1)
    return [f"{100 * count / max(1, len(tiers)):.0f} %" for count in counts]


def _without(shown: Shown, known: NDArray[np.bool_]) -> Table:
    part: Part = shown.judged
    left, metric = np.flatnonzero(~known), DECIDING[0]
    rest, scores = part.among(left), {}
    for name, answers in shown.answers.items():
        without = score(_of(answers, left), rest, [metric]).mean(metric)
        scores[name] = {metric: (shown.scores[name].mean(metric), without)}
    return apart(
        "Without items whose text was had before",
        f"{int(known.sum()):,} of {len(part):,} users chose an item whose text is that of one they "
        "had, under another id.",
        scores,
        shown.contender.name,
    )


def _of(answers: Rankings, users: Numbers) -> Rankings:
    starts, documents = taken(answers.starts, answers.documents, users)
    scores = answers.scores[taken(answers.starts, np.arange(len(answers.documents)), users)[1]]
    names = [answers.query_ids[user] for user in users.tolist()]
    return Rankings(names, answers.document_ids, starts, documents, scores)


def _places(starts: Numbers, places: Numbers, user: int) -> Numbers:
    return places[starts[user] : starts[user + 1]]


def _called(part: Part, place: int) -> str:
    """An item by the first line of its text, or by its id where it has none."""
    lines: Sequence[str] = part.texts[place].strip().splitlines()
    text = lines[0] if lines else part.question.items[place]
    return excerpt(text, _LONGEST)
