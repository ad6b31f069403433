"""Real histories made from what is on every machine: which functions the modules of packages use.

A user is a module, its items are the public functions and classes it imports from others, in the
order in which they first appear: that order stands for time. An item's text is its documentation.
Nobody wrote these for a test of recommendation, and they have what such data has: a few items
that all use, a long tail, users of very different length, neighbourhoods of things that go
together, new items that only their text tells of.

Source files are parsed and never imported: no code of the packages runs. What a name stands for is
followed from import to import, as far as source tells; what is written in C has none and is passed
over, and so is a name that leads nowhere.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tunewise.data.docstrings import DEFAULT_PACKAGES, located, parsed, sources
from tunewise.data.histories import Histories
from tunewise.errors import DataError

_DEEPEST = 20  # imports followed from a name to where it is defined
_FEWEST_WORDS = 4  # of a text worth recommending by
_LONGEST = 1000  # characters of it


@dataclass(frozen=True)
class _Module:
    """A source file: what it defines and documents, and what its other names were imported as."""

    name: str
    tree: ast.Module
    defined: Mapping[str, str]
    imported: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    stars: Sequence[str] = ()


def usage_histories(
    packages: Sequence[str] | None = None, *, limit: int | None = None
) -> Histories:
    """Modules and the documented functions and classes that each uses, in order of appearance.

    `packages` as for `docstring_task`; None takes those of its default that are installed.
    With `limit`, only so many items are kept, those used most. Takes some seconds a package.

    Raises DataError for a package that is not installed or uses too little.

    >>> usage_histories(["json"]).items[:2]
    ['json.decoder.JSONDecodeError', 'json.decoder.JSONDecoder']
    """
    found = located(packages or DEFAULT_PACKAGES)
    missing = [name for name, place in found.items() if place is None]
    if missing and packages is not None:
        raise DataError(
            f"The package '{missing[0]}' is not installed, so its modules cannot be read. "
            "Install it, or leave it out ('python' is the standard library)."
        )
    places = {name: place for name, place in found.items() if place is not None}
    modules = {one.name: one for name, place in places.items() for one in _modules(name, place)}
    known: dict[tuple[str, ...], str | None] = {}
    used = {name: list(dict.fromkeys(_used(one, modules, known))) for name, one in modules.items()}
    return _histories(used, modules, limit, "usage:" + ",".join(places))


def _histories(
    used: Mapping[str, Sequence[str]],
    modules: Mapping[str, _Module],
    limit: int | None,
    source: str,
) -> Histories:
    names, counts = np.unique(
        [item for items in used.values() for item in items], return_counts=True
    )
    most = names[np.lexsort((names, -counts))][:limit]
    number = {name: place for place, name in enumerate(sorted(most.tolist()))}
    kept = {user: own for user, items in used.items() if (own := [i for i in items if i in number])}
    if not kept:
        raise DataError(
            f"No module was found to use documented functions of another ({source}). Name "
            "packages of several modules, scipy for example."
        )
    lengths = np.array([len(items) for items in kept.values()])
    return Histories(
        users=list(kept),
        items=list(number),
        texts=[_text(name, modules) for name in number],
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        places=np.array([number[item] for items in kept.values() for item in items]),
        times=np.concatenate([np.arange(length, dtype=float) for length in lengths]),
        source=source,
    )


def _text(item: str, modules: Mapping[str, _Module]) -> str:
    module, _, name = item.rpartition(".")
    paragraphs = modules[module].defined[name].split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)[:_LONGEST]


def _modules(package: str, place: Path) -> Iterator[_Module]:
    root = () if package == "python" else (package,)
    for path in [place] if place.is_file() else sources(place):
        tree = parsed(path)
        if tree is None:
            continue
        inside = () if path == place else path.relative_to(place).with_suffix("").parts
        parts = (*root, *(part for part in inside if part != "__init__"))
        if parts:
            # what a relative import starts from: the package itself, or the one it lies in
            home = parts if path.stem == "__init__" and inside else parts[:-1]
            yield _module(".".join(parts), tree, home)


def _module(name: str, tree: ast.Module, home: Sequence[str]) -> _Module:
    imported: dict[str, tuple[str, str]] = {}
    stars: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                imported[alias.asname or whole] = (whole, "")
        elif isinstance(node, ast.ImportFrom):
            up = home[: len(home) - node.level + 1] if node.level else ()
            origin = ".".join([*up, *([node.module] if node.module else [])])
            for alias in node.names:
                if alias.name == "*":
                    stars.append(origin)
                else:
                    imported[alias.asname or alias.name] = (origin, alias.name)
    return _Module(name, tree, dict(_documented(tree)), imported, stars)


def _documented(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            told = ast.get_docstring(node) or ""
            if len(told.split()) >= _FEWEST_WORDS:
                yield node.name, told


def _used(
    module: _Module, modules: Mapping[str, _Module], known: dict[tuple[str, ...], str | None]
) -> Iterator[str]:
    """What a module uses of others, in order of appearance; `known` grows by what was followed."""
    for chain in dict.fromkeys(_chains(module.tree)):
        if chain[0] not in module.imported:
            continue
        origin, own = module.imported[chain[0]]
        way = (origin, own, *chain[1:])
        if way not in known:
            known[way] = _defined(module.name, chain, modules, 0)
        found = known[way]
        if found and found.rpartition(".")[0] != module.name:
            yield found


def _chains(tree: ast.Module) -> Iterator[tuple[str, ...]]:
    """Dotted names such as np.linalg.norm, in the order of the source."""
    found: list[tuple[int, int, tuple[str, ...]]] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        chain, inner = [], node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            found.append((inner.lineno, inner.col_offset, (inner.id, *reversed(chain))))
        else:
            waiting.extend(ast.iter_child_nodes(inner))
    return (chain for _, _, chain in sorted(found))


def _defined(
    where: str, chain: Sequence[str], modules: Mapping[str, _Module], depth: int
) -> str | None:
    """Where the first documented thing that a dotted name leads to is defined."""
    module = modules.get(where)
    if module is None or not chain or depth > _DEEPEST:
        return None
    name, rest = chain[0], chain[1:]
    if name in module.defined:
        return f"{where}.{name}"
    if name in module.imported:
        origin, own = module.imported[name]
        if not own:
            return _defined(origin, rest, modules, depth + 1)
        if f"{origin}.{own}" in modules and own not in modules.get(origin, module).defined:
            return _defined(f"{origin}.{own}", rest, modules, depth + 1)
        return None if origin == where else _defined(origin, [own, *rest], modules, depth + 1)
    if f"{where}.{name}" in modules:
        return _defined(f"{where}.{name}", rest, modules, depth + 1)
    starred = (_defined(star, chain, modules, depth + 1) for star in module.stars if star != where)
    return next((found for found in starred if found), None)
