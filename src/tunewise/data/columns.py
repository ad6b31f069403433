"""Columns: which column of a table plays which role, guessed by name, in the open."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tunewise.data.making import ALONE
from tunewise.data.remarks import Remarks
from tunewise.data.tables import Table
from tunewise.errors import DataError, OptionError

ROLES = (
    "query_id", "document_id", "query", "document", "title", "negative", "score", "split", "group",
    "rank", "clicked", "session",
)  # fmt: skip
"""What `columns=` may name."""

EXAMPLE_ROLES = ("first", "second", "text", "label")
"""What `columns=` may name besides, where scored pairs and labelled texts are read."""

SAY_WHICH = "Say which one it is with"
"""How the advice begins that is for who calls a function or a command: others cut it off."""
_SYMMETRIC = (
    ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("sentence_a", "sentence_b"),
    ("text1", "text2"), ("text_1", "text_2"), ("text_a", "text_b"),
    ("question1", "question2"), ("question_1", "question_2"), ("first", "second"),
)  # fmt: skip

_QUERY = (
    "query", "question", "anchor", "search_query", "q", "topic", "sentence1", "sentence_1",
    "sentence_a", "text1", "text_1", "text_a", "question1",
)  # fmt: skip
_DOCUMENT = (
    "document", "positive", "pos", "passage", "context", "doc", "answer", "response",
    "sentence2", "sentence_2", "sentence_b", "text2", "text_2", "text_b", "question2",
    "text", "content", "contents", "body", "paragraph", "chunk",
)  # fmt: skip
_QUERY_ID = ("query_id", "queryid", "qid", "question_id", "topic_id")
_DOCUMENT_ID = (
    "document_id", "documentid", "doc_id", "docid", "did", "corpus_id", "corpusid",
    "passage_id", "pid",
)  # fmt: skip
_NEGATIVE = (
    "negative", "negatives", "hard_negative", "hard_negatives", "neg", "negs", "irrelevant",
)  # fmt: skip
_SCORE = (
    "score", "grade", "relevance", "similarity", "label", "rel", "rating", "relevance_score",
    "similarity_score", "judgment", "judgement",
)  # fmt: skip
_SPLIT = ("split", "part", "fold", "partition")
_GROUP = ("group", "group_id", "group_key", "cluster")


@dataclass(frozen=True)
class Kind:
    """One kind of table: the names each role goes by, the roles it must have.

    A table whose columns are all in `usual` has nothing to be guessed, so nothing is remarked.
    """

    noun: str
    names: Mapping[str, Sequence[str]]
    required: tuple[str, ...]
    usual: frozenset[str] = frozenset()


PAIRS = Kind(
    "pairs",
    {
        "query_id": _QUERY_ID,
        "document_id": _DOCUMENT_ID,
        "query": _QUERY,
        "document": _DOCUMENT,
        "negative": _NEGATIVE,
        "score": _SCORE,
        "split": _SPLIT,
        "group": _GROUP,
    },
    ("query", "document"),
)
SCORED = Kind(
    "scored pairs",
    {
        "first": tuple(first for first, _ in _SYMMETRIC),
        "second": tuple(second for _, second in _SYMMETRIC),
        "score": (*_SCORE, "is_duplicate"),
        "split": _SPLIT,
        "group": _GROUP,
    },
    ("first", "second", "score"),
)
LABELLED = Kind(
    "labelled texts",
    {
        "text": (
            "text", "sentence", "utterance", "content", "body", "message", "comment", "review",
            "tweet", "query", "question",
        ),
        "label": ("label_text", "label", "intent", "class", "category"),
        "split": _SPLIT,
        "group": _GROUP,
    },
    ("text", "label"),
)  # fmt: skip
MULTILABELLED = replace(
    LABELLED,
    noun="texts with several labels",
    names={**LABELLED.names, "label": ("labels", *LABELLED.names["label"])},
)
DOCUMENTS = Kind(
    "documents",
    {
        "document_id": ("_id", *_DOCUMENT_ID, "id", "key"),
        "title": ("title",),
        "document": ("text", *_DOCUMENT),
    },
    ("document_id", "document"),
    frozenset({"_id", "title", "text", "metadata"}),
)
QUERIES = Kind(
    "queries",
    {
        "query_id": ("_id", *_QUERY_ID, "id", "key"),
        "query": ("text", *_QUERY, "content"),
        "split": _SPLIT,
        "group": _GROUP,
    },
    ("query_id", "query"),
    frozenset({"_id", "text", "group", "metadata"}),
)
JUDGMENTS = Kind(
    "judgments",
    {
        "query_id": (*_QUERY_ID, "query", "topic", "q"),
        "document_id": (*_DOCUMENT_ID, "document", "doc", "passage", "d"),
        "score": _SCORE,
    },
    ("query_id", "document_id"),
    frozenset({"query_id", "corpus_id", "score"}),
)
CLICKS = Kind(
    "click log",
    {
        "query_id": _QUERY_ID,
        "query": _QUERY,
        "document_id": (*_DOCUMENT_ID, "document", "doc", "passage", "d", "url"),
        "rank": ("rank", "position", "shown_rank"),
        "clicked": ("clicked", "click", "is_clicked", "is_click"),
        "session": (
            "session", "session_id", "search_id", "impression", "impression_id", "request_id",
        ),
    },
    ("document_id", "rank", "clicked"),
    frozenset({"query", "document", "rank", "clicked", "session"}),
)  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """The column of each role; `negatives` may be several; `unused` are the rest."""

    by_role: Mapping[str, str]
    negatives: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def __getitem__(self, role: str) -> str | None:
        """The column that plays this role, None if there is none."""
        return self.by_role.get(role)

    @property
    def used(self) -> tuple[str, ...]:
        """Every column that plays a role."""
        return (*self.by_role.values(), *self.negatives)


def undivided(kind: Kind) -> Kind:
    """The kind as it is in a file that is a part as a whole: a column cannot divide it again."""
    names = {role: kind.names[role] for role in kind.names if role != "split"}
    return replace(kind, names=names)


def is_scored(names: Sequence[str]) -> bool:
    """Whether columns with these names hold scored pairs: two texts of one kind, and a score.

    >>> is_scored(["sentence1", "sentence2", "score"]), is_scored(["query", "document", "score"])
    (True, False)
    """
    there = {normal(name) for name in names}
    two = any(first in there and second in there for first, second in _SYMMETRIC)
    columns = match(names, PAIRS, {})
    return two and not columns.negatives and not there.isdisjoint(SCORED.names["score"])


def is_labelled(names: Sequence[str]) -> bool:
    """Whether columns with these names hold labelled texts: a text, a label, no query or document.

    >>> is_labelled(["text", "intent"]), is_labelled(["question", "text", "label"])
    (True, False)
    """
    return _has_label(names, match(names, LABELLED, {}))


def is_multilabelled(names: Sequence[str], chosen: Mapping[str, str]) -> bool:
    """Whether these columns hold texts with several labels each: as labelled ones, but `labels`.

    >>> is_multilabelled(["text", "labels"], {}), is_multilabelled(["text", "label"], {})
    (True, False)
    """
    columns = match(names, MULTILABELLED, chosen)
    return normal(columns["label"] or "") == "labels" and _has_label(names, columns)


def _has_label(names: Sequence[str], columns: Columns) -> bool:
    others = {normal(name) for name in names if name != columns["text"]}
    searched = {*_QUERY, *_DOCUMENT[: _DOCUMENT.index("text")], *_QUERY_ID, *_DOCUMENT_ID}
    text = normal(columns["text"] or "query")
    complete = {"text", "label"} <= columns.by_role.keys()
    return complete and text not in searched and others.isdisjoint(searched)


def validated(chosen: Mapping[str, str] | None, roles: Sequence[str] = ROLES) -> Mapping[str, str]:
    """The user's role → column; OptionError if a role does not exist."""
    for role in chosen or {}:
        if role not in roles:
            raise OptionError(
                f"columns= names a role '{role}', but the roles are {', '.join(roles)}. "
                "Write columns={'query': 'your column', …}, or --column query='your column'."
            )
    return dict(chosen or {})


def assign(table: Table, kind: Kind, chosen: Mapping[str, str], remarks: Remarks) -> Columns:
    """Which column plays which role: those the user chose, the others guessed by name.

    Case, spaces and hyphens do not matter to a guess. Raises DataError if a required role has
    no column.
    """
    columns = match(table.columns, kind, chosen)
    missing = [role for role in kind.required if role not in columns.by_role]
    if missing:
        raise _missing(table, kind, missing)
    if not {normal(name) for name in table.columns} <= kind.usual:
        remarks.add("D001", _told(table, columns), role=kind.required[0])
    for role in ("query", "document"):
        if role not in kind.required or role in chosen:
            continue
        if rivals := _named(kind.names[role], columns.unused):
            taken = columns.by_role[role]
            remarks.add("D002", f"{table.source}: {role} = '{taken}', not {_quoted(rivals)}")
    return columns


def match(names: Sequence[str], kind: Kind, chosen: Mapping[str, str]) -> Columns:
    """The role of each of these columns, as far as choice and names tell.

    A role chosen as "" is played by no column. A chosen column that is not among `names` is
    passed over, because it may be in another file; see `require_found`.
    """
    by_role = {role: name for role, name in chosen.items() if role in kind.names and name in names}
    negatives = _split(by_role.pop("negative", chosen.get("negative", "")), names)
    if "negative" in kind.names and "negative" not in chosen:
        negatives = [n for n in names if re.sub(r"_?\d+$", "", normal(n)) in _NEGATIVE]
    for role in kind.names:
        free = [n for n in names if n not in negatives and n not in by_role.values()]
        candidates = _named(kind.names[role], free)
        if role not in by_role and role != "negative" and chosen.get(role) != "" and candidates:
            by_role[role] = candidates[0]
    used = {*by_role.values(), *negatives}
    return Columns(by_role, tuple(negatives), tuple(n for n in names if n not in used))


def require_found(chosen: Mapping[str, str], used: Sequence[Columns], source: object) -> None:
    """Raises DataError if a column the user chose plays its role in none of the files."""
    for role, name in chosen.items():
        wanted = {name} if role != "negative" else {part.strip() for part in name.split(",")}
        found = {n for columns in used for n in (columns[role], *columns.negatives)}
        if name and name not in found and not wanted <= found:
            there = dict.fromkeys(n for each in used for n in (*each.used, *each.unused))
            raise DataError(
                f"No file of '{source}' has a column '{name}' that could be the {role}; there are "
                f"{_quoted(_shown(list(there))) or 'none'}. Check the spelling (capitals count): "
                f"--column {role}=NAME, in Python columns={{'{role}': 'NAME'}}."
            )


def normal(name: str) -> str:
    """A column's name without the differences that do not matter.

    >>> normal(" Query-ID")
    'query_id'
    """
    return re.sub(r"[\s\-]+", "_", name.strip().casefold())


def _named(synonyms: Sequence[str], names: Sequence[str]) -> list[str]:
    by_name = {normal(name): name for name in reversed(names)}
    return [by_name[synonym] for synonym in synonyms if synonym in by_name]


def _split(chosen: str, names: Sequence[str]) -> list[str]:
    if chosen in names:
        return [chosen]
    return [part.strip() for part in chosen.split(",") if part.strip() in names]


def _told(table: Table, columns: Columns) -> str:
    roles = [f"{role} = '{name}'" for role, name in columns.by_role.items()]
    if columns.negatives:
        roles.append(f"negative = {_quoted(columns.negatives)}")
    unused = f"; not used: {_quoted(columns.unused)}" if columns.unused else ""
    return f"{table.source}: {', '.join(roles)}{unused}"


def _missing(table: Table, kind: Kind, missing: Sequence[str]) -> DataError:
    shown = _shown(table.columns)
    example = ", ".join(f"'{role}': 'your column'" for role in missing)
    return DataError(
        f"'{table.source}' has no column for the {' and the '.join(missing)} of the {kind.noun}. "
        f"Its columns are {_quoted(shown) or 'none'}. {SAY_WHICH} "
        f"columns={{{example}}} (--column ROLE=NAME); the first line of a CSV or TSV file "
        f"must hold the columns' names.{f' {ALONE}' if 'query' in missing else ''}"
    )


def _shown(names: Sequence[str]) -> list[str]:
    """The first of many names, each as far as a message has room."""
    return [name if len(name) <= 40 else f"{name[:40]}…" for name in names[:20]]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
