"""What is wrong between the parts: texts and documents on both sides, too little to decide."""

import math
from collections.abc import Mapping, Sequence

from tunewise.data.checks.view import View, clipped
from tunewise.data.folds import too_few
from tunewise.data.groups import fewest_groups
from tunewise.data.split import TEST, Division
from tunewise.finding import Finding, Severity
from tunewise.task import Part

_REACH = 1.959964 + 0.841621  # normal quantiles: 95 % intervals, 80 % power
_DEVIATION = 0.30  # of a difference in nDCG@10 between two contenders, until it is measured


def leakage(view: View, division: Division) -> list[Finding]:
    """D032 identical texts, D033 near-identical texts, D034 relevant documents on both sides."""
    test = division.test.part
    learned = {"train": division.training.train, "dev": division.training.dev}
    texts = {q: view.task.queries.text(q).strip() for part in (test, *learned.values())
             for q in part.queries.ids}  # fmt: skip
    identical = _leaks(test, learned, texts)
    near = {
        query: other
        for query, other in _leaks(test, learned, view.alike_queries).items()
        if query not in identical
    }
    found = [
        _leak(
            "D032", "Test queries are also in train or dev, word for word", identical, view, test
        ),
        _leak(
            "D033", "Test queries are in train or dev in nearly the same words", near, view, test
        ),
        _shared_documents(view, division),
    ]
    return [finding for finding in found if finding.count]


def _leaks(
    test: Part, learned: Mapping[str, Part], said: Mapping[str, str] | Mapping[str, int]
) -> dict[str, str]:
    """Test query → the first query of another part that says the same."""
    first: dict[str | int, str] = {}
    for name, part in learned.items():
        for query in part.queries.ids:
            first.setdefault(said[query], f"{name} query '{query}'")
    return {q: first[said[q]] for q in test.queries.ids if said[q] in first}


def _leak(code: str, title: str, leaks: Mapping[str, str], view: View, test: Part) -> Finding:
    severity: Severity = "error" if 2 * len(leaks) > len(test) else "warning"
    examples = tuple(
        f"test query '{query}' and {other}: {clipped(view.task.queries.text(query))}"
        for query, other in list(leaks.items())[:3]
    )
    advice = (
        "What is learned from one is measured on the other, so tuning looks better than it is. "
        "Remove them from one side, or give no parts to have the queries divided by group."
    )
    return Finding(code, severity, title, len(leaks), examples, advice)


def _shared_documents(view: View, division: Division) -> Finding:
    """Only where half of a query's relevant documents are concerned: one of many is no leak."""
    learned: dict[int, str] = {}
    for name, part in (("train", division.training.train), ("dev", division.training.dev)):
        for query in part.queries.ids:
            for key in view.relevant[query]:
                learned.setdefault(view.alike_documents[key], f"{name} query '{query}'")
    examples = []
    for query in division.test.part.queries.ids:
        keys = view.relevant[query]
        known = [key for key in keys if view.alike_documents[key] in learned]
        if 2 * len(known) >= len(keys):
            other = learned[view.alike_documents[known[0]]]
            text = clipped(view.task.documents.text(known[0]))
            examples.append(f"test query '{query}' and {other}: document '{known[0]}': {text}")
    advice = (
        "This measures new questions about documents that were already asked about. If "
        "documents will be new in use, give no parts to have the queries divided by document."
    )
    title = "Half or more of a test query's relevant documents are relevant in train or dev"
    return Finding("D034", "warning", title, len(examples), tuple(examples[:3]), advice)


def power(view: View, division: Division | None, worth: float) -> list[Finding]:
    """D040 too few independent queries to tell a gain of `worth` from none.

    The smallest gain found in four of five cases is (1.96 + 0.84) * deviation / √groups.
    """
    if division is not None:
        groups, about = _measured_on(view, division), ""
    else:
        groups, about = _expected(view), "about "
    if not groups:
        return []
    gain = _REACH * _DEVIATION / math.sqrt(groups)
    needed = math.ceil((_REACH * _DEVIATION / worth) ** 2)
    if groups >= needed:
        return []
    severity: Severity = "error" if groups < fewest_groups() else "warning"
    title = few_to_show(gain, worth)
    advice = (
        f"There are {about}{groups:,} independent groups of queries to measure on; some "
        f"{needed:,} would do, assuming that differences deviate by {_DEVIATION} until that is "
        "measured. A smaller gain will mostly end in 'cannot tell yet'. Judge more queries, on "
        "other documents."
    )
    return [Finding("D040", severity, title, groups, (), advice)]


def few_to_show(gain: float, worth: float) -> str:
    """The title of D040, where a gain as small as `gain` is the least that would be shown."""
    return f"Too few test queries to be sure of a gain below {gain:.2g} (worth having: {worth:g})"


def _measured_on(view: View, division: Division) -> int:
    """Groups that are measured on: those of test, or of all parts where they are dealt in folds."""
    learned = (division.training.train, division.training.dev) if too_few(view.task) else ()
    return sum(len(set(part.groups)) for part in (division.test.part, *learned))


def _expected(view: View) -> int:
    """Queries that would be measured on at most."""
    scorable: Sequence[str] = list(view.scorable)
    if too_few(view.task):
        return len(scorable)
    given = sum(view.task.parts.get(query) == "test" for query in scorable)
    return given or min(len(scorable), max(fewest_groups(), round(TEST * len(scorable))))
