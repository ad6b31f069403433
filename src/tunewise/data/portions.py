"""Portions: rows with the part each is in, the user's own parts kept, missing ones cut.

For data whose rows stand for themselves (scored pairs, labelled texts). `split.py` divides tasks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunewise.data.columns import Kind, assign, require_found, undivided
from tunewise.data.fields import mended, short, text_of
from tunewise.data.groups import Numbers, connected, fewest_groups
from tunewise.data.records import part_named
from tunewise.data.remarks import Remarks
from tunewise.data.split import (
    DEV,
    DEV_OF_USERS,
    LEAST_DEV,
    MOST_DEV,
    MOST_TEST,
    PARTS,
    TEST,
    share_out,
)
from tunewise.data.tables import Place, Table
from tunewise.errors import DataError, OptionError

Tables = Sequence[tuple[str | None, Table]]
Parts = NDArray[np.str_]


class Entry(NamedTuple):
    """A row by its roles; `part` and `group` are empty where the user gave none."""

    place: Place
    values: Mapping[str, Any]
    part: str
    group: str


@dataclass(frozen=True)
class Kinship:
    """What ties rows: `groups` (n,) stay on one side; `strata` (n,) are spread evenly, if any.

    `keys` are the rows' texts: rows are drawn in their order, so that the order in the file
    changes nothing.
    """

    groups: Numbers
    keys: Sequence[str]
    strata: Numbers | None = None


def entries(
    tables: Tables, kind: Kind, chosen: Mapping[str, str], remarks: Remarks
) -> Iterator[Entry]:
    """The rows of all tables. Raises DataError if a column that is needed is missing."""
    for part, table in tables:
        columns = assign(table, kind if part is None else undivided(kind), chosen, remarks)
        require_found(chosen, [columns], table.source)
        for place, row in table.rows(columns.used):
            values = {role: row.get(name) for role, name in columns.by_role.items()}
            named = text_of(values.get("split"), place)
            own = part or part_named(named) or ""
            if named.strip() and not own:
                remarks.add("D013", f"{place}: {short(named)}")
            yield Entry(place, values, own, text_of(values.get("group"), place).strip())


def text_in(entry: Entry, role: str, remarks: Remarks) -> str:
    """The text that plays this role, kept as it is, but for halves of characters (D011)."""
    text = text_of(entry.values.get(role), entry.place)
    whole = mended(text)
    if whole is not text:
        remarks.add("D011", entry.place)
    return whole


def kin(rows: int, ties: Sequence[tuple[Numbers, Numbers]], groups: Sequence[str]) -> Numbers:
    """Group numbers (n,), in the order of the rows: what ties and the users' groups connect.

    A tie is two aligned arrays, rows and keys: rows with equal keys belong together.
    """
    own = [group or f"\x00{row}" for row, group in enumerate(groups)]
    keys = np.unique(own, return_inverse=True)[1].astype(np.int64)
    return _numbered(connected(rows, [*ties, (np.arange(rows), keys)]))


def require_rows(rows: Sequence[object], remarks: Remarks, source: str) -> None:
    """Raises DataError if no row is left."""
    if not rows:
        left = remarks.count("D065") + remarks.count("D066")
        why = f"all {left} lack a text or a label" if left else "it is empty but for its first line"
        raise DataError(
            f"'{source}' holds no rows that can be used: {why}. Check that it was written to the "
            "end and is the one you meant, or name other columns with columns=."
        )


def rows_in(parts: Parts, part: str) -> Numbers:
    """The rows in this part, in order. OptionError for a part that cannot be."""
    if part not in PARTS:
        raise OptionError(f"There is no part '{part}': choose one of {', '.join(PARTS)}.")
    return np.flatnonzero(parts == part)


def placed(
    given: Sequence[str], kinship: Kinship, remarks: Remarks, *, source: str, seed: int
) -> Parts:
    """The part of each row, str (n,): the user's, or cut by group where there is none.

    Test is a quarter of train (at most 2,000 rows), dev 15 %, or a fifth where test is the
    user's (at most 1,000). Raises DataError when there are too few groups to cut from.
    """
    parts = _complete(given, remarks)
    home = next(name for name in ("train", "test", "dev") if name in parts)
    rows = np.flatnonzero(parts == home)
    wanted = _wanted(parts, len(rows))
    if wanted:
        own = _cut(kinship, rows, wanted, home, seed)
        parts[rows] = own
        for name in (*wanted, home):
            if not np.any(own == name):
                raise _indivisible(source, kinship, rows, name)
        for name in wanted:
            count = int(np.sum(own == name))
            told = f"{name}: {count} of {len(rows)} rows, cut from {home} by group (seed {seed})"
            remarks.add("D071", told, times=count)
    if not np.any(parts == "train"):
        remarks.add("D074", f"'{source}' has no train part", times=len(parts))
    if (few := int(np.sum(parts == "dev"))) < LEAST_DEV:
        remarks.add("D070", f"{few} rows, {LEAST_DEV} are the least", times=few)
    return parts


def leaks(parts: Parts, texts: Sequence[Numbers]) -> Numbers:
    """The test rows that share a text, by its number, with a row of train or dev.

    `texts` has an array (n,) for each text that a row has.
    """
    test = parts == "test"
    learned = np.concatenate([numbers[~test] for numbers in texts])
    return np.flatnonzero(test & np.any([np.isin(numbers, learned) for numbers in texts], axis=0))


def _complete(given: Sequence[str], remarks: Remarks) -> Parts:
    """The user's part of each row; all "train" where there are none to keep."""
    parts = np.array(given, dtype="U5")
    bare = np.flatnonzero(parts == "")
    if 0 < len(bare) < len(parts):
        if strange := remarks.examples("D013"):
            raise DataError(
                f"The column that divides the rows holds other names than train, dev and test too "
                f"({strange[0]}). Give every row one of these, or none at all."
            )
        remarks.add("D072", f"{len(bare)} of {len(parts)} rows", times=len(bare))
    parts[bare] = "train"
    return parts


def _wanted(parts: Parts, rows: int) -> dict[str, int]:
    """How many of these rows go to the parts that are missing."""
    wanted: dict[str, int] = {}
    if not np.any(parts == "test"):
        wanted["test"] = min(MOST_TEST, round(TEST * rows))
    if not np.any(parts == "dev"):
        few = max(min(MOST_DEV, round(DEV_OF_USERS * rows)), min(LEAST_DEV, rows // 2))
        wanted["dev"] = min(MOST_DEV, round(DEV * rows)) if wanted else few
    return wanted


def _cut(kinship: Kinship, rows: Numbers, wanted: Mapping[str, int], home: str, seed: int) -> Parts:
    order = np.array(sorted(rows.tolist(), key=kinship.keys.__getitem__), dtype=np.int64)
    groups = _numbered(kinship.groups[order])
    if kinship.strata is None:
        cut = share_out(groups, wanted, home, seed)
    else:
        cut = _spread(groups, kinship.strata[order], wanted, home, seed)
    parts = np.empty(len(rows), dtype="U5")
    parts[np.searchsorted(rows, order)] = cut
    return parts


def _spread(
    groups: Numbers, strata: Numbers, wanted: Mapping[str, int], home: str, seed: int
) -> Parts:
    """The part of each row: every stratum is divided as the whole is, group by group.

    A group is of the stratum of its first row. The largest of each stratum goes to `home`, so
    that nothing is in test alone; then each goes where most is missing. What a stratum cannot
    give exactly, the next ones make up for.
    """
    first, sizes = np.unique(groups, return_index=True)[1], np.bincount(groups)
    stratum = strata[first]
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.lexsort((-sizes[order], stratum[order]))]
    whole = {home: len(groups) - sum(wanted.values()), **wanted}
    total = np.bincount(stratum, weights=sizes)
    owed = dict.fromkeys(whole, 0.0)
    homes = np.empty(len(sizes), dtype="U5")
    last = -1
    for each in order.tolist():
        mine = int(stratum[each])
        if mine != last:
            for name in whole:
                owed[name] += whole[name] / len(groups) * total[mine]
        chosen = home if mine != last else max(owed, key=lambda name: owed[name])
        homes[each], last = chosen, mine
        owed[chosen] -= sizes[each]
    return homes[groups]


def _numbered(labels: Numbers) -> Numbers:
    """The same groups, numbered from 0 in the order in which they come up."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    numbers: Numbers = np.argsort(np.argsort(first))[inverse].astype(np.int64)
    return numbers


def _indivisible(source: str, kinship: Kinship, rows: Numbers, empty: str) -> DataError:
    count = len(np.unique(kinship.groups[rows]))
    labels = 0 if kinship.strata is None else len(np.unique(kinship.strata[rows]))
    if 2 * labels > count >= 4 * fewest_groups():
        return DataError(
            f"'{source}' has {labels} labels in {len(rows)} rows, so of most labels there is one "
            f"text, and the {empty} part would be empty. Name the column of labels if it is "
            "another one (columns={'label': …}; --column label=NAME), or give several texts of "
            "each label."
        )
    return DataError(
        f"'{source}' has {len(rows)} rows in {count} groups of their own to divide, so the {empty} "
        f"part would be empty (rows that share a text, exactly or nearly, are one group). Add "
        f"rows ({4 * fewest_groups()} different ones at the least), or give parts of your own: "
        f"{', '.join(PARTS)}."
    )
