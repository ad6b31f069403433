"""Division of a task into train, dev and test, so that nothing learned helps on test by accident.

Queries that belong together (`groups.py`) go to one part. A group that is too large for dev and
test, one document that answers everything, stays whole, in train.

Queries with a weight were drawn to be measured on, and go to test. The others are divided as they
would be without them.

| code | severity | meaning |
|---|---|---|
| D050 | note | queries without a relevant document are in no part |
| D051 | note | the user's parts hold no test: all queries are divided anew |
| D052 | warning | nothing to train on: tuned contenders are not measured |
| D053 | warning | judged queries that the user put in no part count as train |
| D054 | note | grouped loosely: chains of shared documents would have joined nearly all queries |
| D055 | warning | one group holds most queries and stays whole, in train |
| D056 | note | queries that belong with one drawn for test are in no part |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tunewise.data.groups import Grouping, Links, Numbers, fewest_groups, grouped, linked, scorable
from tunewise.errors import DataError, OptionError
from tunewise.finding import Finding
from tunewise.task import Judgments, Part, Task, Test, Training

Flags = NDArray[np.bool_]

PARTS = ("train", "dev", "test")
TEST, DEV = 0.25, 0.15  # shares of the queries; train gets what is left
MOST_TEST, MOST_DEV = 2000, 1000  # queries; more would cost time and decide nothing
DEV_OF_USERS = 0.2  # share of the user's train (or test) that becomes dev where there is none
LEAST_DEV = 20  # queries with which a setting can be chosen, roughly; never more than half
DIVISIBLE = 0.5  # share of the queries that one group may hold when all are divided
_SMALL = 0.02  # share of a part that any group may hold
EVEN = 0.2  # share of a part that one group may hold: the bootstrap needs many even groups


@dataclass(frozen=True)
class Division:
    """A task divided: what may be learned from, what is measured on, and how it came about.

    `how` is plain for JSON: `by` ("user" or "group"), the number of queries in `train`, `dev` and
    `test`, the number of `groups` in each, and a `note` of one or two sentences.
    """

    training: Training
    test: Test
    how: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


def divide(task: Task, *, seed: int = 0, fewest: int | None = None) -> Division:
    """The task's training and test parts.

    The user's own parts are kept; a missing dev part is cut by group from train (a fifth, at most
    1,000 queries) or, without train, from test. Without a test part all queries are divided by
    group: a quarter test (at most 2,000), 15 % dev (at most 1,000), the rest train. Only queries
    with a relevant document take part. Same queries and seed, same division, whatever their order.

    Queries drawn to be measured on (`Task.weights`) are in test whatever becomes of the others.
    What belongs with them is in no part, so that nothing is learned from it, unless the division
    is the user's own or chains join very many queries.

    Raises DataError when test would hold fewer than `fewest` independent groups (None: so few that
    no result could be significant, `fewest_groups`), OptionError for a seed below 0.
    """
    if seed < 0:
        raise OptionError(f"The seed is {seed}, but random numbers start from 0 or more.")
    links = linked(task, scorable(task))
    drawn = np.isin(links.queries, list(task.weights))
    divided = _by_user if _has_test(task, links) else _by_group
    cut = divided(task, links, drawn, seed)
    rows = {name: np.flatnonzero(cut.parts == name) for name in PARTS}
    groups = {name: grouped(links, chosen, EVEN) for name, chosen in rows.items()}
    parts = {name: part_of(task, links, rows[name], groups[name]) for name in PARTS}
    if fewest is None or groups["test"].count < fewest:
        _enough(links, groups["test"].count, len(parts["test"]))
    how = {
        "by": cut.by,
        **{name: len(part) for name, part in parts.items()},
        "groups": {name: grouping.count for name, grouping in groups.items()},
        "note": cut.note + _told(drawn),
    }
    findings = [*_loosely(groups["test"]), *_unscorable(task, links), *cut.findings]
    return Division(
        Training(task.documents, parts["train"], parts["dev"], task.relevant_from),
        Test(parts["test"], task.relevant_from, redrawn_for(task, parts["test"])),
        how,
        tuple(sorted({each.code: each for each in findings}.values(), key=lambda each: each.code)),
    )


@dataclass(frozen=True)
class _Cut:
    """The part each query of `Links` goes to, and how that came about."""

    by: Literal["user", "group"]
    parts: NDArray[np.str_]
    note: str
    findings: Sequence[Finding]


def _has_test(task: Task, links: Links) -> bool:
    undrawn = (query for query in links.queries if query not in task.weights)
    return any(task.parts.get(query) == "test" for query in undrawn)


def _by_user(task: Task, links: Links, drawn: Flags, seed: int) -> _Cut:
    parts = np.array([task.parts.get(query, "train") for query in links.queries], dtype="U5")
    parts[drawn] = "test"
    note, findings = "The user's own division.", _unplaced(task, links)
    if not np.any(parts == "dev"):
        source = "train" if np.any(parts == "train") else "test"
        rows = np.flatnonzero((parts == source) & ~drawn)
        wanted = min(MOST_DEV, round(DEV_OF_USERS * len(rows)))
        if source == "train":
            wanted = max(wanted, min(LEAST_DEV, len(rows) // 2))
        labels = grouped(links, rows, EVEN).labels
        parts[rows] = share_out(labels, {"dev": wanted}, source, seed)
        note += f" It has no dev part: one was cut from {source} by group."
    if not np.any(parts == "train"):
        findings.append(_untrained(parts))
    return _Cut("user", parts, note, findings)


def _by_group(task: Task, links: Links, drawn: Flags, seed: int) -> _Cut:
    rows = np.flatnonzero(~drawn)
    queries = len(rows)
    grouping = grouped(links, rows, DIVISIBLE)
    _enough(links, grouping.count, queries)
    wanted = {
        "test": min(MOST_TEST, round(TEST * queries)),
        "dev": min(MOST_DEV, round(DEV * queries)),
    }
    parts = np.full(len(drawn), "test", dtype="U5")
    parts[rows] = share_out(grouping.labels, wanted, "train", seed)
    beside = _beside(links, drawn) & (parts != "test")
    parts[beside] = ""
    findings = [*_loosely(grouping), *_kept_out(links, beside)]
    if task.parts:
        findings.append(_anew(task))
    if grouping.largest > DIVISIBLE * queries:
        findings.append(_undivided(links, rows, grouping))
    if not np.any(parts == "train"):
        findings.append(_untrained(parts))
    note = (
        "Divided by group: queries that share a relevant document, nearly the same text or a "
        f"group key are in one part (seed {seed})."
    )
    return _Cut("group", parts, note, findings)


def _beside(links: Links, drawn: Flags) -> Flags:
    """The queries that belong with drawn ones. Chains that join very many tie nothing together."""
    labels = grouped(links, np.arange(len(drawn)), EVEN).labels
    even = np.bincount(labels)[labels] <= EVEN * len(labels)
    return np.isin(labels, labels[drawn]) & even & ~drawn


def share_out(labels: Numbers, wanted: Mapping[str, int], rest: str, seed: int) -> NDArray[np.str_]:
    """The part of each row: whole groups in random order, large ones first.

    A group goes where the largest share of what is wanted is missing, but only to `rest` when it is
    too large for the others (`_limit`). Where test ends up with fewer groups than it needs, it
    gets the smallest of the others.
    """
    sizes = np.bincount(labels)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    whole = {rest: len(labels) - sum(wanted.values())}
    whole |= {name: size for name, size in wanted.items() if size}
    limit = {name: _limit(sizes, size) for name, size in whole.items()}
    missing = dict(whole)
    home: dict[int, str] = {}
    for each, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        fitting = [name for name in whole if name == rest or size <= limit[name]]
        home[each] = max(fitting, key=lambda name: missing[name] / whole[name])
        missing[home[each]] -= size
    if "test" in whole:
        home |= _top_up(home)
    return np.array([home[label] for label in labels.tolist()])


def _limit(sizes: Numbers, wanted: int) -> float:
    """The size above which a group would outweigh the others in a part of `wanted` queries.

    One of 300 among 1,700 single queries would leave the worth of 45 groups. Ordinary sizes are
    let in, so that a part looks like the whole.
    """
    ordinary = max(_SMALL * wanted, float(np.quantile(sizes, 0.9, method="lower")))
    return max(float(sizes.min()), min(ordinary, wanted / fewest_groups()))


def _top_up(home: Mapping[int, str]) -> dict[int, str]:
    """The last groups of train, then of dev, that test needs to have the fewest it can do with."""
    lacking = fewest_groups() - sum(name == "test" for name in home.values())
    last = list(home)[::-1]
    others = [each for name in ("train", "dev") for each in last if home[each] == name]
    return dict.fromkeys(others[: max(0, lacking)], "test")


def part_of(task: Task, links: Links, rows: Numbers, grouping: Grouping) -> Part:
    """The queries of these rows of `links` as a part, with their groups."""
    queries = [links.queries[row] for row in rows]
    first = np.unique(grouping.labels, return_index=True)[1]
    return Part(
        task.queries.take(task.queries.position[query] for query in queries),
        {query: task.judgments[query] for query in queries},
        [queries[first[label]] for label in grouping.labels],
        {query: task.weights[query] for query in queries if query in task.weights},
    )


def redrawn_for(task: Task, part: Part) -> tuple[Judgments, ...]:
    """The task's judgments drawn anew, of this part's queries."""
    return tuple({query: again[query] for query in part.judgments} for again in task.redrawn)


def _enough(links: Links, groups: int, queries: int) -> None:
    if groups < fewest_groups():
        if queries > 1 and len(set(links.relevant.nonzero()[1].tolist())) == 1:
            raise DataError(
                "All judged queries have the same relevant document, or documents that say the "
                "same, so no contender can be better than another. Add different documents, and "
                "queries that they answer."
            )
        raise DataError(
            f"The test part can have {queries} queries in {groups} independent groups, too few "
            f"for any result: even if every group preferred the same side, chance alone would do "
            f"that with probability 2/2^{groups} = {2 / 2**groups:.2g}, and it takes at least "
            f"{fewest_groups()} groups to come below 0.05. Judge more queries, about other "
            "documents."
        )


def _named(queries: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"query '{query}'" for query in queries[:3])


def _unscorable(task: Task, links: Links) -> list[Finding]:
    scored = set(links.queries)
    left = [query for query in task.queries.ids if query not in scored]
    found = Finding(
        "D050",
        "note",
        "Queries without a relevant document are in no part",
        len(left),
        _named(left),
        "They cannot be scored. Judge them to make use of them.",
    )
    return [found] if left else []


def _anew(task: Task) -> Finding:
    return Finding(
        "D051",
        "note",
        "The parts given hold no test, so all queries were divided anew",
        len(task.parts.keys() - task.weights.keys()),
        _named(sorted(task.parts.keys() - task.weights.keys())),
        "Put queries into a part named test to measure on exactly those.",
    )


def _untrained(parts: NDArray[np.str_]) -> Finding:
    return Finding(
        "D052",
        "warning",
        "There is nothing to train on, so tuned contenders are not measured",
        len(parts),
        (),
        "Add judged queries to a train part, or give no parts to have all queries divided.",
    )


def _unplaced(task: Task, links: Links) -> list[Finding]:
    left = [query for query in links.queries if query not in task.parts]
    found = Finding(
        "D053",
        "warning",
        "Judged queries are in no part while others are; they count as train",
        len(left),
        _named(left),
        "Give each of them a part, or give none to any query.",
    )
    return [found] if left else []


def _loosely(grouping: Grouping) -> list[Finding]:
    found = Finding(
        "D054",
        "note",
        "Chains of shared relevant documents join too many queries to count as one group",
        grouping.chained,
        (),
        "Queries count as one group only when they share more than half of their relevant "
        "documents, so a document may be relevant in train and in test. Nothing needs to be done.",
    )
    return [found] if grouping.chained else []


def _told(drawn: Flags) -> str:
    if not drawn.any():
        return ""
    return f" Beside them, {int(drawn.sum())} labelled queries are in test, weighed as drawn."


def _kept_out(links: Links, beside: Flags) -> list[Finding]:
    left = [links.queries[row] for row in np.flatnonzero(beside).tolist()]
    found = Finding(
        "D056",
        "note",
        "Queries that belong with one drawn for test are in no part",
        len(left),
        _named(left),
        "They share an answer, a text or a group key with it, so nothing may be learned from "
        "them, and as they were not drawn, nothing can be measured on them. Nothing needs to be "
        "done.",
    )
    return [found] if left else []


def _undivided(links: Links, rows: Numbers, grouping: Grouping) -> Finding:
    largest = int(np.bincount(grouping.labels).argmax())
    return Finding(
        "D055",
        "warning",
        "One group holds most queries and stays whole, in train",
        grouping.largest,
        _named([links.queries[row] for row in rows[grouping.labels == largest].tolist()]),
        "Dev and test come from the other queries and say little about these. Look for a "
        "document that is judged relevant to nearly everything, or judge more varied queries.",
    )
