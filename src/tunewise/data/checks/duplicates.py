"""Documents and queries that say the same as others."""

from collections import defaultdict
from collections.abc import Mapping

from tunewise.data.checks.view import View, clipped, noticed, shown
from tunewise.finding import Finding
from tunewise.task import Texts


def duplicate_documents(view: View) -> list[Finding]:
    """D020 the same text, D021 nearly the same text, D022 a relevant document's unjudged copy."""
    same, near = _repeats("document", view.task.documents, view.alike_documents)
    removing = "Remove the copies, or judge them as their originals are judged."
    keeping = (
        "They are never taught as wrong answers, and a division by group keeps them on one "
        "side. Remove those that add nothing."
    )
    return [
        *noticed("D020", "note", "Documents repeat another word for word", same, removing),
        *noticed("D021", "note", "Documents say nearly the same as another", near, keeping),
        *_unjudged_copies(view),
    ]


def duplicate_queries(view: View) -> list[Finding]:
    """D023 the same text, D024 nearly the same text, among queries with judgments."""
    same, near = _repeats("query", view.judged, view.alike_queries)
    joining = "Join them into one query with the judgments of all, if they mean the same."
    counting = (
        "They count as one query when it is judged how sure a result is, and a division by "
        "group keeps them on one side."
    )
    return [
        *noticed("D023", "warning", "Queries repeat another word for word", same, joining),
        *noticed("D024", "note", "Queries say nearly the same as another", near, counting),
    ]


def _repeats(kind: str, texts: Texts, alike: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """Texts that repeat an earlier one word for word, and those that nearly do, as examples."""
    first_said: dict[str, str] = {}
    first_alike: dict[int, str] = {}
    same, near = [], []
    for key, text in zip(texts.ids, texts.texts, strict=True):
        said = text.strip()
        if not said:
            continue
        original = first_said.setdefault(said, key)
        relative = first_alike.setdefault(alike[key], key)
        if original != key:
            same.append(f"{kind} '{key}' repeats '{original}': {clipped(text)}")
        elif relative != key:
            near.append(f"{kind} '{key}' is nearly '{relative}': {clipped(text)}")
    return same, near


def _unjudged_copies(view: View) -> list[Finding]:
    documents = view.task.documents
    copies: dict[int, list[str]] = defaultdict(list)
    for key, text in zip(documents.ids, documents.texts, strict=True):
        if text.strip():
            copies[view.alike_documents[key]].append(key)
    examples = []
    for query, keys in view.relevant.items():
        judged = view.task.judgments[query]
        for key in keys:
            forgotten = [each for each in copies[view.alike_documents[key]] if each not in judged]
            if forgotten:
                told = f"query '{query}': '{key}' is relevant, its copy '{forgotten[0]}' not judged"
                examples.append(f"{told} ({clipped(documents.text(key))})")
                break
    return noticed(
        "D022",
        "warning",
        "Queries have a relevant document whose copies, or near copies, are not judged",
        examples,
        "Finding the copy counts as wrong, which makes every contender look worse than it is. "
        "Remove the copies or judge them too.",
    )


def nothing_to_rank(view: View) -> list[Finding]:
    """D037 all documents alike, or the same answer to every query: any order is as good."""
    documents = view.task.documents
    sets = {frozenset(keys) for keys in view.scorable.values()}
    alike = len(set(view.alike_documents.values()))
    if alike > 1 and not (len(sets) == 1 and len(view.scorable) > 1):
        return []
    title = (
        "All documents say the same, so nothing can be ranked"
        if alike <= 1
        else "All queries have the same relevant documents, so nothing can be told apart"
    )
    advice = "Add the documents that a search must tell apart, and judge queries about them."
    examples = tuple(shown("document", documents, key) for key in documents.ids[:3])
    return [Finding("D037", "error", title, len(documents), examples, advice)]
