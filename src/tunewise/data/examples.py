"""Examples: what can be learned from, whatever its kind: a task, scored pairs, labelled texts.

What reading scored pairs and labelled texts had to decide or leave out stands in their `findings`,
beside what `read.py` says:

| code | severity | meaning |
|---|---|---|
| D060 | note | What kind of data it is, told by its columns |
| D061 | note | Scores mapped to 0…1 from the scale they fit in |
| D062 | warning | Scores far outside the scale of all others, left out |
| D063 | warning | A few scores make the scale wider than all others need |
| D064 | warning | Scores that may be classes: 0, 1 and 2 only |
| D065 | warning | Rows with an empty text, left out |
| D066 | warning | Texts without a label, left out |
| D067 | warning | Test rows whose text is also in train or dev, in the same words or nearly |
| D068 | note | Texts with several labels, or pairs with several scores |
| D069 | warning | Labels with fewer than two texts in train |
| D070 | warning | Too few rows in dev to choose or stop on |
| D071 | note | Parts cut where there were none |
| D072 | warning | Rows without a part while others have one, counted as train |
| D073 | note | Grouped loosely: chains of shared texts would have joined most pairs |
| D074 | warning | There is nothing to train on |
| D075 | note | What separates several labels of a text, told by the column |
| D076 | note | Texts with an empty list of labels, kept |
| D110 | note | Odd texts in train, used in dev to choose by |
| D111 | warning | No odd text in dev, so contenders keep their usual settings |
| D112 | warning | Fewer than 30 odd texts to measure by |
| D120 | note | A label that says none of the others: its texts teach when to answer none |
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from tunewise.data.beir import Separate
from tunewise.data.columns import (
    EXAMPLE_ROLES,
    MULTILABELLED,
    ROLES,
    is_labelled,
    is_multilabelled,
    is_scored,
    validated,
)
from tunewise.data.labelled import LabelledTexts, labelled_texts
from tunewise.data.portions import Tables
from tunewise.data.read import DOCSTRINGS, open_all, read_task
from tunewise.data.remarks import Remarks
from tunewise.data.scored import ScoredPairs, scored_pairs
from tunewise.errors import DataError, OptionError
from tunewise.task import Task

__all__ = ["Examples", "Kind", "LabelledTexts", "ScoredPairs", "kind_at", "read_examples"]

Kind = Literal["retrieval", "scored", "labelled"]
Examples = Task | ScoredPairs | LabelledTexts

_ROLES_OF: Mapping[Kind, frozenset[str]] = {
    "scored": frozenset({"first", "second"}),
    "labelled": frozenset({"text", "label"}),
    "retrieval": frozenset(ROLES) - {"score", "split", "group"},
}
_NOUNS: Mapping[Kind, str] = {
    "scored": "scored pairs: two texts of one kind and a score",
    "labelled": "labelled texts: a text and a label, no query and no document",
    "retrieval": "retrieval: neither two texts of one kind with a score nor a text with a label",
}


def read_examples(
    path: str | Path,
    *,
    kind: Kind | None = None,
    documents: str | Path | None = None,
    queries: str | Path | None = None,
    judgments: str | Path | None = None,
    clicks: str | Path | None = None,
    labels: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Examples:
    r"""The examples in a file, a folder or a data set of the hub: a task, or what has no documents.

    `path` is what `read_task` reads, or the same with other columns:
    - scored pairs: two texts of one kind (sentence1 and sentence2, text_a and text_b, question1
      and question2, first and second) and a score (score, similarity, label) →
      `ScoredPairs`, scores mapped to 0…1;
    - labelled texts: a text and its label (label, intent, class, category), no query, no
      document → `LabelledTexts`;
    - anything else → the `Task` that `read_task` gives, triplets' negatives judged 0.

    The columns of the first file decide, or those that `columns` names, and a finding says how
    (D060); `kind` ("retrieval", "scored", "labelled") settles it. `columns` takes read_task's
    roles and first, second, text and label.

    Scored pairs and labelled texts come with parts. The user's own (files, or a split column) are
    kept; a missing test or dev part is cut from train: pairs that share a text, exactly or
    nearly, stay together; texts are spread by label, near-duplicates together. The same rows and
    `seed` give the same parts, whatever their order. A `Task` is divided by `divide`.

    Raises DataError for what cannot be used (scores that are no numbers or on no scale, a single
    label, too few rows to divide), OptionError for a kind or role that does not exist.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part, pair in {"train": "a cat,a kitten,4", "dev": "red,blue,0",
    ...                        "test": "to run,to jog,5"}.items():
    ...         _ = Path(folder, f"{part}.csv").write_text(f"sentence1,sentence2,score\n{pair}\n")
    ...     examples = read_examples(folder)
    >>> examples.take("train").scores.tolist()
    [0.8]
    """
    given = {
        "documents": documents,
        "queries": queries,
        "judgments": judgments,
        "clicks": clicks,
        "labels": labels,
    }
    files = {role: file for role, file in given.items() if file is not None}
    chosen = _validated(kind, files, columns, seed)
    opened, remarks = None, Remarks()
    if kind != "retrieval" and not files and not str(path).startswith(DOCSTRINGS):
        opened = open_all(path, remarks)
    if opened is None or isinstance(opened, Separate):
        _require_retrieval(kind, path)
        return read_task(path, columns=columns, **given)
    if kind is None and _several(opened, chosen):
        raise DataError(
            f"'{path}' holds texts with several labels each, which can be measured (tunewise "
            "measure) but not yet tuned on. To learn from one label a text, name its column: "
            "columns={'label': …} (--column label=NAME)."
        )
    found = kind or _kind(opened, chosen, remarks)
    if found == "retrieval":
        task = read_task(path, columns=columns)
        told = [each for each in remarks.findings() if each.code == "D060"]
        return replace(task, findings=(*task.findings, *told))
    read_with: dict[str, Any] = {"columns": dict(columns)} if columns else {}
    read_with |= {"kind": kind, "seed": seed} if kind else {"seed": seed}
    read = scored_pairs if found == "scored" else labelled_texts
    return replace(read(opened, chosen, remarks, source=str(path), seed=seed), read_with=read_with)


def kind_at(
    path: str | Path, columns: Mapping[str, str] | None = None
) -> Kind | Literal["multilabelled"]:
    """The kind that lies at `path`, told by the columns of its first file or those named.

    Texts with several labels each are told too; `read_multilabelled` reads them. Raises DataError
    for what cannot be read, OptionError for a role that does not exist.
    """
    chosen = validated(columns, (*ROLES, *EXAMPLE_ROLES))
    if str(path).startswith(DOCSTRINGS):
        return "retrieval"
    opened = open_all(path, Remarks())
    if isinstance(opened, Separate):
        return "retrieval"
    if _several(opened, chosen):
        return "multilabelled"
    return _kind(opened, chosen, Remarks())


def _validated(
    kind: str | None, files: Mapping[str, object], columns: Mapping[str, str] | None, seed: int
) -> Mapping[str, str]:
    if kind is not None and kind not in get_args(Kind):
        raise OptionError(
            f"There is no kind '{kind}': choose retrieval, scored or labelled, or leave it out to "
            "have the columns decide."
        )
    if files and kind not in (None, "retrieval"):
        raise OptionError(
            f"{' and '.join(f'{role}=' for role in files)} go with retrieval, but kind='{kind}'. "
            "Leave one of them out."
        )
    if seed < 0:
        raise OptionError(f"The seed is {seed}, but random numbers start from 0 or more.")
    return validated(columns, (*ROLES, *EXAMPLE_ROLES))


def _require_retrieval(kind: str | None, path: str | Path) -> None:
    if kind not in (None, "retrieval"):
        raise OptionError(
            f"'{path}' holds documents, queries and judgments, so it cannot be read with "
            f"kind='{kind}'. Leave the kind out, or give the file with the rows."
        )


def _several(tables: Tables, chosen: Mapping[str, str]) -> bool:
    """Whether these are texts with several labels, and nothing was named that they do not have."""
    named = chosen.keys() <= MULTILABELLED.names.keys()
    return named and is_multilabelled(tables[0][1].columns, chosen)


def _kind(tables: Tables, chosen: Mapping[str, str], remarks: Remarks) -> Kind:
    """The kind that the chosen roles say, or else the columns of the first table."""
    for kind, roles in _ROLES_OF.items():
        if roles & {role for role, name in chosen.items() if name}:
            return kind
    table = tables[0][1]
    found: Kind = "retrieval"
    if is_scored(table.columns):
        found = "scored"
    elif is_labelled(table.columns):
        found = "labelled"
    shown = ", ".join(f"'{name}'" for name in table.columns[:8])
    remarks.add("D060", f"{table.source}: {shown} → {_NOUNS[found]}")
    return found
