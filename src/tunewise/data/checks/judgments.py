"""Judgments that are missing, contradict each other, or all point to one place."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from tunewise.data.checks.view import View, clipped, noticed, shown
from tunewise.finding import Finding

_HUB = 0.2  # share of the queries that one document may answer without remark
_HUB_QUERIES = 5  # and the number


def unjudged(view: View) -> list[Finding]:
    """D025 queries without judgments, D026 queries for which nothing is judged relevant."""
    task = view.task
    without = [query for query in task.queries.ids if query not in view.relevant]
    barren = [query for query, keys in view.relevant.items() if not keys]
    findings = []
    if without:
        examples = tuple(shown("query", task.queries, query) for query in without[:3])
        advice = "They are not measured. Judge them to make use of them."
        title = "Queries have no judgments"
        findings.append(Finding("D025", "note", title, len(without), examples, advice))
    if barren:
        examples = tuple(shown("query", task.queries, query) for query in barren[:3])
        advice = (
            "They cannot be scored and are left out. Judge more documents for them; documents "
            f"count as relevant from grade {task.relevant_from:g}."
        )
        title = "Queries are judged, but nothing is relevant to them"
        findings.append(Finding("D026", "warning", title, len(barren), examples, advice))
    return findings


def contradictory(view: View) -> list[Finding]:
    """D035 the same query text and the same document text with different grades."""
    task = view.task
    grades: dict[tuple[str, str], dict[float, tuple[str, str]]] = defaultdict(dict)
    repeated = _repeated(task.queries.text(query) for query in view.relevant)
    copied = _repeated(task.documents.texts)
    for query in view.relevant:
        asked = task.queries.text(query).strip()
        for key, grade in task.judgments[query].items():
            said = task.documents.text(key).strip()
            if asked in repeated or said in copied:
                grades[asked, said].setdefault(grade, (query, key))
    clashes = [(asked, found) for (asked, _), found in grades.items() if len(found) > 1]
    examples = tuple(
        " but ".join(f"'{q}' and '{d}' are graded {g:g}" for g, (q, d) in sorted(found.items()))
        + f": {clipped(asked)}"
        for asked, found in clashes[:3]
    )
    advice = "Decide on one grade for each of them."
    title = "The same query and document, by their texts, have different grades"
    return [Finding("D035", "warning", title, len(clashes), examples, advice)] if clashes else []


def _repeated(texts: Iterable[str]) -> set[str]:
    return {text for text, count in Counter(map(str.strip, texts)).items() if count > 1}


def hubs(view: View) -> list[Finding]:
    """D036 one document relevant to a fifth of the queries or more."""
    queries = len(view.scorable)
    answered = Counter(key for keys in view.scorable.values() for key in keys)
    found = [
        f"{shown('document', view.task.documents, key)} ({count} of {queries} queries)"
        for key, count in answered.most_common()
        if count >= _HUB_QUERIES and count > _HUB * queries
    ]
    advice = (
        "A contender that always puts it first looks good. Check that these judgments are meant, "
        "and judge queries about other documents."
    )
    title = "One document answers many of the queries"
    return noticed("D036", "warning", title, found, advice)
