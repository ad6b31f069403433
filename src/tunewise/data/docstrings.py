"""A real retrieval task made from what is on every machine: documentation strings.

Each function, method and class of the chosen packages was described twice by its author: once
in the first sentence of its documentation, once in the rest. The sentence becomes a query, the
rest the document it should find. Neither was written for a test of retrieval, the relevant
document is known without anybody's judgment, and the domain (programming, mathematics,
statistics) is one on which a general encoder may or may not do well.

What keeps the task honest:

- A document holds the author's text and nothing else. Name and signature are not put in front
  of it: `sort_values` says its own summary a second time, and matching it would measure how
  programmers choose names. Where the author repeats the name, in an example say, it stays.
- A sentence shared by several documents is one query with several answers. Shared by more than
  five it says nothing ("Fit the model.") and neither it nor its documents take part.
- Equal documents are one document: which of two equal texts comes first is chance.
- The module is the group, so what one author wrote in one file never stands on both sides of
  a split.

Source files are parsed and never imported: no code of the packages runs.
"""

import ast
import importlib.util
import re
import sysconfig
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tunewise.errors import DataError, OptionError
from tunewise.task import Task, Texts

DEFAULT_PACKAGES = ("python", "numpy", "scipy", "sklearn", "networkx", "sympy", "joblib")
"""The standard library and what sentence-transformers and torch bring along: the same list
whichever extras are installed, so that the demo gives the same answer with and without them."""

FEWEST_SUMMARY_WORDS = 4
MOST_SUMMARY_WORDS = 40
FEWEST_DOCUMENT_WORDS = 15
MOST_ANSWERS = 5
LARGEST_FILE = 2_000_000  # bytes; beyond it are generated tables, not prose

# Tests and examples document nothing; vendored code would appear under two names.
_SKIPPED_FOLDERS = {
    *("test", "tests", "testing", "conftest", "benchmarks", "examples", "_examples"),
    *("vendor", "_vendor", "externals", "site-packages", "dist-packages"),
    *("idlelib", "lib2to3", "ensurepip", "turtledemo", "pydoc_data"),
}

_WORD = re.compile(r"[^\W\d_]{2,}")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# A full stop ends a sentence when what follows looks like a beginning ("e.g. the" does not).
_SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!etc)(?<!vs)(?<!cf)[.!?](?=\s+[\"'`(]?[A-Z`])")
_UNDERLINE = re.compile(r"^\s*([=\-~^*#])\1{2,}\s*$", re.MULTILINE)
_ROLE = re.compile(r":[\w:+-]+:`[~!]?([^`<]+?)(?:\s*<[^`]*>)?`")
_CODE_LINE = re.compile(r"^\s*(>>>|\.\.\.).*$", re.MULTILINE)
_PLACEHOLDER_LINE = re.compile(r"^\s*%\(\w+\)s\s*$\n?", re.MULTILINE)
# No sentence: `name(arguments) -> result`, a list, a field, a directive, an example, a template.
_NO_SENTENCE = re.compile(
    r"^[\w.]+\s?\(.*?\)\s*(->|:|--|$)|^([-*•:|+@]|\.\. )|>>>|::|%\(|%s|\{\w*\}"
)
_NO_DESCRIPTION = re.compile(
    r"deprecated|^(see|alias|same as|like|equivalent to|inherited|overrid\w*|internal)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One documented function, method or class: where it stands, its two descriptions."""

    name: str
    module: str
    summary: str
    rest: str


def docstring_task(
    packages: Sequence[str] | None = None, *, limit: int = 2000, seed: int = 0
) -> Task:
    """Summary sentences as queries, the documentation they open as documents, all judged.

    `packages` are names of installed packages, "python" being the standard library; None takes
    those of DEFAULT_PACKAGES that are installed, and `source` names the ones taken. More than
    `limit` documents are sampled with `seed`, and with them their queries. The same packages,
    limit and seed give the same task; another version of a package gives another one, which
    `fingerprint` shows. Takes about ten seconds for all packages.

    Raises DataError for a package that is not installed or has too little documentation, and
    OptionError for a limit under 1 or a dotted name (finding it would run its parent's code).

    >>> task = docstring_task(["json"])
    >>> task.source
    'docstrings:json'
    >>> len(task.queries) > 5
    True
    """
    if limit < 1:
        raise OptionError(f"A limit of {limit} documents leaves nothing. Pass 1 or more.")
    found = located(DEFAULT_PACKAGES if packages is None else packages)
    missing = [name for name, folder in found.items() if folder is None]
    if missing and packages is not None:
        raise DataError(
            f"The package '{missing[0]}' is not installed, so its documentation cannot be read. "
            f"Install it, or leave it out ('python' is the standard library)."
        )
    folders = {name: folder for name, folder in found.items() if folder is not None}
    entries = [entry for name, folder in folders.items() for entry in _entries(name, folder)]
    return _task(_informative(entries), limit, seed, "docstrings:" + ",".join(folders))


def located(packages: Sequence[str]) -> dict[str, Path | None]:
    """Package → its folder or its only file; None where it is not installed."""
    return {name: _place(name) for name in packages}


def _place(package: str) -> Path | None:
    if not package.isidentifier():
        raise OptionError(
            f"'{package}' is not the name of a top-level package. "
            "Pass names as in 'import NAME', without dots; 'python' is the standard library."
        )
    if package == "python":
        return Path(sysconfig.get_path("stdlib"))
    spec = importlib.util.find_spec(package)  # a top-level name: found without running anything
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.has_location and spec.origin else None


def _entries(package: str, place: Path) -> Iterator[_Entry]:
    """What is documented in the package, by file and then by name."""
    for path in [place] if place.is_file() else sources(place):
        tree = parsed(path)
        if tree is None:
            continue
        module = _module(package, place, path)
        # Of two definitions of one name (a property's getter and setter) the first one counts.
        first = dict(reversed(list(_documented(tree.body))))
        for name, documentation in sorted(first.items()):
            entry = _entry(f"{module}.{name}", module, documentation)
            if entry is not None:
                yield entry


def sources(folder: Path) -> list[Path]:
    """Its Python files, sorted, without tests, examples and vendored code."""
    return sorted(
        path
        for path in folder.rglob("*.py")
        if not any(
            part in _SKIPPED_FOLDERS or part.startswith("config-")
            for part in (*path.relative_to(folder).parts[:-1], path.stem)
        )
    )


def parsed(path: Path) -> ast.Module | None:
    """The syntax tree; None for a file that is no Python of this version, or far too large."""
    source = path.read_bytes()
    if len(source) > LARGEST_FILE:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # others' code: its invalid escapes are not ours to mend
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return None


def _module(package: str, place: Path, path: Path) -> str:
    """The dotted name, "scipy.stats._stats_py"; of the standard library, "python.json.decoder"."""
    if path == place:
        return package
    inside = path.relative_to(place).with_suffix("").parts
    return ".".join((package, *(part for part in inside if part != "__init__")))


def _documented(body: Iterable[ast.stmt], outer: str = "") -> Iterator[tuple[str, str]]:
    """Name and documentation of each public function, class and method.

    Modules with an underscore are read: `numpy` and `scipy` write their public functions there.
    """
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        documentation = ast.get_docstring(node)  # dedented
        if documentation:
            yield outer + node.name, documentation
        if isinstance(node, ast.ClassDef):
            yield from _documented(node.body, f"{outer}{node.name}.")


def _entry(name: str, module: str, documentation: str) -> _Entry | None:
    """The two descriptions; None where one of them is missing or says too little."""
    summary, rest = _divide(_PLACEHOLDER_LINE.sub("", documentation))
    words = len(_WORD.findall(summary))
    if not FEWEST_SUMMARY_WORDS <= words <= MOST_SUMMARY_WORDS:
        return None
    if _NO_SENTENCE.search(summary) or _NO_DESCRIPTION.search(summary):
        return None
    if len(_WORD.findall(_CODE_LINE.sub("", rest))) < FEWEST_DOCUMENT_WORDS:
        return None  # examples alone: a test of reading code, not of finding text
    if summary.rstrip(".").casefold() in " ".join(rest.split()).casefold():
        return None  # the author repeats the sentence, so finding it would be no feat
    return _Entry(name, module, _plain(summary), rest)


def _divide(documentation: str) -> tuple[str, str]:
    """The first sentence on one line, and everything after it; ("", "") without a sentence."""
    paragraph, *others = _BLANK_LINE.split(documentation.strip(), maxsplit=1)
    if _UNDERLINE.search(paragraph):
        return "", ""  # a heading
    line = " ".join(paragraph.split())
    end = _SENTENCE_END.search(line)
    cut = end.end() if end else len(line)
    rest = "\n\n".join(part for part in (line[cut:].strip(), *others) if part.strip())
    return line[:cut], rest.strip()


def _plain(summary: str) -> str:
    """Without the marks of the documentation language, which nobody types into a search box."""
    return _ROLE.sub(r"\1", summary).replace("`", "")


def _informative(entries: Sequence[_Entry]) -> list[_Entry]:
    """Entries whose summary opens at most MOST_ANSWERS different documents."""
    answers: dict[str, set[str]] = {}
    for entry in entries:
        answers.setdefault(_key(entry.summary), set()).add(entry.rest)
    return [entry for entry in entries if len(answers[_key(entry.summary)]) <= MOST_ANSWERS]


def _key(summary: str) -> str:
    return summary.rstrip(".").casefold()


def _task(entries: Sequence[_Entry], limit: int, seed: int, source: str) -> Task:
    documents = _sampled(_first_names((entry.rest, entry.name) for entry in entries), limit, seed)
    asked = [entry for entry in entries if entry.rest in documents]
    queries = _first_names((_key(entry.summary), entry.name) for entry in asked)
    judgments: dict[str, dict[str, float]] = {name: {} for name in queries.values()}
    for entry in asked:
        judgments[queries[_key(entry.summary)]][documents[entry.rest]] = 1.0
    if not judgments:
        raise DataError(
            f"No usable documentation was found ({source}). Name packages that document what "
            "they hold in more than a sentence, numpy for example."
        )
    asking = [entry for entry in asked if entry.name in judgments]
    return Task(
        documents=Texts(list(documents.values()), list(documents)),
        queries=Texts([entry.name for entry in asking], [entry.summary for entry in asking]),
        judgments=judgments,
        groups={entry.name: entry.module for entry in asking},
        source=source,
    )


def _first_names(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Text → the name of the first entry that has it."""
    first: dict[str, str] = {}
    for text, name in named:
        first.setdefault(text, name)
    return first


def _sampled(documents: Mapping[str, str], limit: int, seed: int) -> dict[str, str]:
    """At most `limit` of the documents, in their order."""
    texts = list(documents)
    if len(texts) > limit:
        chosen = np.random.default_rng(seed).choice(len(texts), size=limit, replace=False)
        texts = [texts[place] for place in sorted(chosen)]
    return {text: documents[text] for text in texts}
