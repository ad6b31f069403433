"""Records: documents, queries and judgments as they are gathered, until they are a task."""

from collections.abc import Mapping

from tunewise.data.fields import mended, short
from tunewise.data.remarks import Remarks
from tunewise.data.tables import Place
from tunewise.errors import DataError
from tunewise.task import Judgments, Task, Texts

_PARTS = {
    "train": "train", "training": "train",
    "dev": "dev", "validation": "dev", "valid": "dev", "val": "dev", "development": "dev",
    "test": "test", "testing": "test",
}  # fmt: skip
_NEARNESS = {"train": 0, "dev": 1, "test": 2}


def part_named(name: str) -> str | None:
    """The part (train, dev, test) this name means, None if it means none of them.

    >>> part_named("Validation")
    'dev'
    """
    return _PARTS.get(name.strip().casefold())


class Entries:
    """Texts with unique ids, growing. An entry without an id of its own is known by its text."""

    def __init__(self, noun: str, remarks: Remarks) -> None:
        self.noun = noun
        self.ids: list[str] = []
        self.texts: list[str] = []
        self._remarks = remarks
        self._position: dict[str, int] = {}
        self._by_text: dict[str, str] | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._position

    def add(self, key: str, text: str, place: Place) -> bool:
        """Adds a text under its id; False if it is there already. DataError if the id is taken."""
        position = self._position.get(key)
        if position is None:
            self._append(key, self._repaired(text, place))
            return True
        if self.texts[position] not in (text, mended(text)):
            raise DataError(
                f"{place} gives the {self.noun} id '{key}' to another text than before "
                f"({short(self.texts[position])} and now {short(text)}). Ids must be unique: "
                "rename one, or remove it."
            )
        return False

    def named(self, text: str, place: Place) -> str:
        """The id of the entry with this text, which is made if there is none."""
        text = self._repaired(text, place)
        key = self.with_text(text)
        if key is None:
            key = self._free_id()
            self._append(key, text)
        return key

    def with_text(self, text: str) -> str | None:
        """The id of the first entry with this text, None if there is none."""
        if self._by_text is None:
            # Backwards, so that of equal texts the first one keeps the name.
            self._by_text = dict(zip(reversed(self.texts), reversed(self.ids), strict=True))
        return self._by_text.get(text)

    def _append(self, key: str, text: str) -> None:
        self._position[key] = len(self.ids)
        self.ids.append(key)
        self.texts.append(text)
        if self._by_text is not None:
            self._by_text.setdefault(text, key)

    def _free_id(self) -> str:
        number = len(self.ids) + 1
        while f"{self.noun[0]}{number}" in self._position:
            number += 1
        return f"{self.noun[0]}{number}"

    def _repaired(self, text: str, place: Place) -> str:
        # Half a surrogate pair, as JSON escapes can bring, cannot be encoded by any tokenizer.
        whole = mended(text)
        if whole is not text:
            self._remarks.add("D011", place)
        return whole


class Records:
    """Everything read so far. Rows go in one by one; `task` is what they amount to."""

    def __init__(self, remarks: Remarks) -> None:
        self.remarks = remarks
        self.documents = Entries("document", remarks)
        self.queries = Entries("query", remarks)
        self.relevant_from: float | None = None
        self.redrawn: tuple[Judgments, ...] = ()
        self._grades: dict[str, dict[str, float]] = {}
        self._parts: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._in_several: dict[str, str] = {}

    def judge(self, query: str, document: str, grade: float, place: Place) -> bool:
        """Adds a judgment between ids that exist; False if it is there already."""
        if grade < 0:
            self.remarks.add("D006", f"{place}: {grade:g}")
            grade = 0.0
        grades = self._grades.setdefault(query, {})
        known = grades.get(document)
        if known == grade:
            return False
        if known is not None:
            self.remarks.add(
                "D005", f"query '{query}', document '{document}': {known:g}, {grade:g}"
            )
            grade = max(known, grade)
        grades[document] = grade
        return True

    def take(
        self, judgments: Judgments, *, relevant_from: float, redrawn: tuple[Judgments, ...]
    ) -> None:
        """Takes judgments that were estimated, between ids that exist, in place of any others."""
        self._grades = {query: dict(graded) for query, graded in judgments.items()}
        self.relevant_from, self.redrawn = relevant_from, redrawn

    def put(self, query: str, part: str) -> None:
        """Puts a query in a part; of several, the one nearest to test holds."""
        known = self._parts.setdefault(query, part)
        if known != part:
            first, last = sorted((known, part), key=lambda name: _NEARNESS[name])
            self._in_several[query] = f"{first}, {last}"
            self._parts[query] = last

    def put_named(self, query: str, name: str, place: Place) -> None:
        """Puts a query in the part a split column names; no name, no part."""
        part = part_named(name)
        if part is not None:
            self.put(query, part)
        elif name.strip():
            self.remarks.add("D013", f"{place}: {short(name)}")

    def group(self, query: str, key: str) -> None:
        """Gives a query its group; the first one holds."""
        if self._groups.setdefault(query, key) != key:
            self.remarks.add("D014", f"query '{query}': '{self._groups[query]}', '{key}'")

    def task(self, source: str, *, relevant_from: float | None = None) -> Task:
        """The task these records are. DataError if there is nothing in it to be measured."""
        self._require_something(source)
        parts = self._division()
        if relevant_from is None:
            relevant_from = self._threshold() if self.relevant_from is None else self.relevant_from
        return Task(
            Texts(self.documents.ids, self.documents.texts),
            Texts(self.queries.ids, self.queries.texts),
            self._grades,
            parts,
            self._groups,
            relevant_from,
            source,
            findings=self.remarks.findings(),
            redrawn=self.redrawn,
        )

    def _require_something(self, source: str) -> None:
        for entries in (self.documents, self.queries):
            if not entries.ids:
                raise DataError(
                    f"'{source}' holds no {_plural(entries.noun)}. Check that the file was "
                    "written to the end and is the one you meant."
                )
        if not self._grades:
            raise DataError(f"'{source}' holds no judgments that can be used. {self._why_none()}")
        if not any(grade > 0 for grades in self._grades.values() for grade in grades.values()):
            raise DataError(
                f"All grades of '{source}' are zero or below, so no document is relevant to any "
                "query and nothing can be measured. Give relevant documents a grade of 1 or more."
            )

    def _why_none(self) -> str:
        lost = self.remarks.examples("D007") + self.remarks.examples("D008")
        if lost:
            return (
                f"All of them name documents or queries that do not exist (for example: {lost[0]})."
                " Check that ids are spelled alike in all files."
            )
        return "Say which documents answer which queries: query, document and grade, one a line."

    def _division(self) -> Mapping[str, str]:
        parts = {query: self._parts[query] for query in self._grades if query in self._parts}
        if not parts:
            return {}
        if strange := self.remarks.examples("D013"):
            raise DataError(
                f"The column that divides the queries holds other names than train, dev and test "
                f"too ({strange[0]}). Give every query one of these, or none at all."
            )
        for query, names in self._in_several.items():
            self.remarks.add("D004", f"query '{query}': {names}")
        for query in self._grades:
            if query not in parts:
                self.remarks.add("D012", f"query '{query}'")
        return {query: parts.get(query, "train") for query in self._grades}

    def _threshold(self) -> float:
        grades = {grade for graded in self._grades.values() for grade in graded.values()}
        if all(grade.is_integer() for grade in grades):
            return 1.0
        half = max(grades) / 2
        self.remarks.add("D009", f"grades up to {max(grades):g}: relevant from {half:g}")
        return half


def _plural(noun: str) -> str:
    return {"query": "queries"}.get(noun, f"{noun}s")
