"""Histories: what each user chose, in order of time, and what the items say.

What reading them had to decide or leave out, beside what `read.py` says:

| code | severity | meaning |
|---|---|---|
| D130 | note | Ratings below what counts as liked, left out |
| D131 | note | Users who chose the same item again, the first time kept |
| D132 | note | Users with too few items to be tested |
| D133 | warning | Items without a text |
| D134 | warning | Items whose text is another item's too |
| D135 | warning | Rows without a user or an item, left out |
| D136 | note | More users than are tested |
| D137 | warning | Users whose last items have one time: the order of the file decides |
| D138 | note | Users with a text and without an item, left out |
"""

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.columns import Kind, assign, require_found, validated
from tunewise.data.fields import joined, mended, short, text_of
from tunewise.data.folders import file_named, is_there
from tunewise.data.interactions import (
    INTERACTIONS,
    Interactions,
    Numbers,
    is_interactions,
    moment_of,
    number_of,
    open_interactions,
    read_interactions,
)
from tunewise.data.records import Entries
from tunewise.data.remarks import Remarks
from tunewise.data.tables import Table, open_table
from tunewise.data.textfile import exists
from tunewise.errors import DataError, OptionError
from tunewise.finding import Finding

ITEMS = Kind(
    "items",
    {
        "item": (*INTERACTIONS.names["item"], "_id", "id", "key"),
        "title": ("title", "name", "item_title", "product_title"),
        "text": ("text", "description", "document", "content", "body", "abstract", "summary"),
    },
    ("item",),
    frozenset({"id", "item", "title", "text"}),
)
USERS = Kind(
    "users",
    {
        "user": (*INTERACTIONS.names["user"], "_id", "id", "key"),
        "profile": ("profile", "about", "bio", "description", "persona", "text", "summary"),
    },
    ("user", "profile"),
    frozenset({"id", "user", "profile", "text"}),
)
ROLES = ("user", "item", "time", "rating", "title", "text", "profile")
"""What `columns=` may name."""

_INTERACTIONS = ("interactions", "ratings", "events", "histories")
_USERS = ("users", "profiles", "customers", "members")
_ITEMS = ("items", "products", "movies", "catalogue", "catalog", "documents", "corpus")


@dataclass(frozen=True)
class Histories:
    """What each user chose, oldest first, and the items' texts.

    The items of user i are `items[p]` for p in `places[starts[i]:starts[i + 1]]`, chosen at
    `times` (seconds, or whatever the file counts in); `texts` stand beside `items`, empty where
    there is none. `profiles` say something of each user, empty where nothing is said; () where
    nobody has one. `split` is "last" (each user's last item is the test) or "time", or a time
    from which on everything is; with `again`, items already had may be recommended.
    """

    users: Sequence[str]
    items: Sequence[str]
    texts: Sequence[str]
    starts: Numbers
    places: Numbers
    times: NDArray[np.float64]
    split: str = "last"
    again: bool = False
    profiles: Sequence[str] = ()
    source: str = ""
    read_with: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.users)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when anything learned or measured would."""
        digest = hashlib.sha256(f"histories 1 {self.split} {self.again}".encode())
        for names in (self.users, self.items, self.texts, *([self.profiles] * any(self.profiles))):
            digest.update("\x1f".join(names).encode("utf-8", "surrogatepass") + b"\x1e")
        for numbers in (self.starts, self.places, self.times):
            digest.update(np.ascontiguousarray(numbers).tobytes())
        return digest.hexdigest()[:16]


def read_histories(
    path: str | Path,
    *,
    items: str | Path | None = None,
    users: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Histories:
    """The histories in a file of interactions, or in a folder that holds it and the items.

    A row is a user, an item, a time (a number or an ISO date) and, where there is one, a rating.
    `items` is a file with each item's text (or title, or both); in a folder it is the one named
    items. `users` is a file with a text about each user, in a folder the one named users. `columns`
    names columns by role (user, item, time, rating; title and text of items; profile of users);
    without times, say columns={"time": ""}, the order of the rows is taken. `options` are

    - `liked`: the rating from which on an item counts as liked. Left out, it is the first above
      six tenths of the way from the lowest rating to the highest (4 of 1…5, 3.5 of 0.5…5); where
      numbers above 100 show that they are counts, all above 0.
    - `split`: last (each user's last item is the test, the one before is dev), time (the last
      tenth of all events is, the tenth before is dev), or the time at which the test begins.
    - `again`: yes recommends items that a user already had; no is the default.

    Raises DataError for what cannot be read, OptionError for an option that makes no sense.
    """
    said = _options(options or {})
    chosen, remarks = validated(columns, ROLES), Remarks()
    events, beside, told = _files(is_there(Path(path)), items, users)
    read = read_interactions(open_interactions(events), chosen, remarks)
    liked = read.liked(said.get("liked"), remarks)
    known = Entries("item", remarks)
    if beside is not None:
        _add_items(open_table(beside), known, chosen, remarks)
        _require_known(known, read.items, beside, "item")
    found = _histories(read, liked, known, remarks, said)
    if told is not None:
        found = _with_profiles(found, open_table(told), chosen, remarks)
    given = {"items": items, "users": users}
    files = {role: str(file) for role, file in given.items() if file is not None}
    read_with = {"files": files, "columns": dict(columns or {}), "options": said}
    return replace(
        found,
        source=str(path),
        read_with={role: value for role, value in read_with.items() if value},
        findings=remarks.findings(),
    )


def is_histories(path: Path) -> bool:
    """Whether a file or folder holds interactions, by its columns or by what its files are called.

    False for what cannot be read: whoever reads it will say why.
    """
    try:
        found = file_named(path, _INTERACTIONS) if path.is_dir() else path
        return found is not None and is_interactions(open_interactions(found).columns)
    except (DataError, OSError):
        return False


def _files(
    path: Path, items: str | Path | None, users: str | Path | None
) -> tuple[Path, Path | None, Path | None]:
    """The file with the interactions, and those with the items and the users if there are any."""
    folder = path if path.is_dir() else path.parent
    events = file_named(path, _INTERACTIONS) if path.is_dir() else path
    if events is None:
        raise DataError(
            f"'{path}' holds no file with the interactions (such as {_INTERACTIONS[0]}.csv: user, "
            "item, time). Add it, or give the file itself."
        )
    beside: list[Path | None] = []
    for given, names in ((items, _ITEMS), (users, _USERS)):
        if given is not None:
            beside.append(is_there(folder / given if exists(folder / given) else Path(given)))
        else:
            beside.append(file_named(path, names) if path.is_dir() else None)
    return events, beside[0], beside[1]


def _options(options: Mapping[str, str]) -> Mapping[str, str]:
    known = ("liked", "split", "again")
    for name, value in options.items():
        if name not in known:
            raise OptionError(
                f"There is no option '{name}' for histories. Choose from {', '.join(known)}."
            )
        if name == "again" and value not in ("yes", "no"):
            raise OptionError(f"again='{value}' makes no sense. Write yes or no.")
        if name == "liked" and not math.isfinite(number_of(value)):
            raise OptionError(f"liked='{value}' is no number. Write the lowest rating that is one.")
        if name == "split" and value not in ("last", "time") and moment_of(value) is None:
            raise OptionError(
                f"split='{value}' makes no sense. Write last, time, or the time from which on "
                "everything is the test (2025-06-30, or a number as in the file)."
            )
    return options


def _add_items(table: Table, known: Entries, chosen: Mapping[str, str], remarks: Remarks) -> None:
    mine = {role: name for role, name in chosen.items() if role in ITEMS.names}
    columns = assign(table, ITEMS, mine, remarks)
    # the user's name for the item may be that of the interactions alone
    require_found({r: n for r, n in mine.items() if r != "item"}, [columns], table.source)
    if columns["title"] is None and columns["text"] is None:
        names = ", ".join(f"'{name}'" for name in table.columns)
        raise DataError(
            f"'{table.source}' has no column with the items' texts; its columns are {names}. Say "
            "which one it is: columns={'text': …} or columns={'title': …} (--column text=NAME)."
        )
    roles = [columns[role] for role in ("item", "title", "text")]
    for place, row in table.rows(columns.used):
        values = [text_of(row.get(name), place) if name else "" for name in roles]
        key = mended(values[0].strip())
        if not key:
            remarks.add("D135", place)
            continue
        known.add(key, joined(values[1], values[2]), place)


def _histories(
    read: Interactions,
    liked: Numbers,
    known: Entries,
    remarks: Remarks,
    options: Mapping[str, str],
) -> Histories:
    """The rows that count, by user and time; items by name, those that only have a text too."""
    names = list(read.items)
    texts = dict(zip(known.ids, known.texts, strict=True))
    items = sorted({*texts, *(names[place] for place in np.unique(read.item[liked]).tolist())})
    number = {name: place for place, name in enumerate(items)}
    renumbered = np.array([number.get(name, -1) for name in names])
    again = options.get("again") == "yes"
    rows = liked[np.lexsort((liked, read.time[liked], read.user[liked]))]
    if not again:
        rows = _once(rows, read, remarks)
    present, user = np.unique(read.user[rows], return_inverse=True)
    users = list(read.users)
    found = Histories(
        users=[users[place] for place in present.tolist()],
        items=items,
        texts=[texts.get(name, "") for name in items],
        starts=np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(present)))]),
        places=renumbered[read.item[rows]],
        times=read.time[rows],
        split=options.get("split", "last"),
        again=again,
    )
    _look(found, remarks)
    return found


def _with_profiles(
    found: Histories, table: Table, chosen: Mapping[str, str], remarks: Remarks
) -> Histories:
    """The same, with what a file says of users."""
    mine = {role: name for role, name in chosen.items() if role in USERS.names}
    columns = assign(table, USERS, mine, remarks)
    require_found({r: n for r, n in mine.items() if r != "user"}, [columns], table.source)
    known = Entries("user", remarks)
    for place, row in table.rows(columns.used):
        key, told = (text_of(row.get(columns.by_role[r]), place) for r in ("user", "profile"))
        if not key.strip():
            remarks.add("D135", place)
        elif told.strip():
            known.add(mended(key.strip()), told, place)
    _require_known(known, found.users, table.source, "user")
    texts = dict(zip(known.ids, known.texts, strict=True))
    for user in sorted(texts.keys() - set(found.users)):
        remarks.add("D138", f"'{user}'")
    return replace(found, profiles=[texts.get(user, "") for user in found.users])


def _require_known(known: Entries, named: Collection[str], source: str | Path, noun: str) -> None:
    """Raises DataError where a file beside the interactions tells of none of those in them."""
    if not any(name in known for name in named):
        here, there = next(iter(named)), f"'{known.ids[0]}'" if known.ids else "nothing"
        raise DataError(
            f"'{source}' has no text of any {noun} of the interactions: they name '{here}', and it "
            f"has {there}. Check that ids are spelled alike, or leave the file out."
        )


def _once(rows: Numbers, read: Interactions, remarks: Remarks) -> Numbers:
    """The rows, oldest first, without those of an item that the user has had."""
    pairs = read.user[rows] * len(read.items) + read.item[rows]
    first = np.sort(np.unique(pairs, return_index=True)[1])
    if repeated := len(rows) - len(first):
        remarks.add("D131", f"{repeated:,} of {len(rows):,} rows", times=repeated)
    kept: Numbers = rows[first]
    return kept


def _look(found: Histories, remarks: Remarks) -> None:
    """Remarks on items without a text or with another's, and on ends that no time decides."""
    first: dict[str, str] = {}
    for name, text in zip(found.items, found.texts, strict=True):
        plain = " ".join(text.casefold().split())
        if not plain:
            remarks.add("D133", f"'{name}'")
        elif (other := first.setdefault(plain, name)) != name:
            remarks.add("D134", f"'{name}' and '{other}': {short(text)}")
    ends = found.starts[1:] - 1
    several = ends > found.starts[:-1]
    alike = several & (found.times[ends] == found.times[ends - 1])
    for user in np.flatnonzero(alike).tolist():
        remarks.add("D137", f"'{found.users[user]}'")
