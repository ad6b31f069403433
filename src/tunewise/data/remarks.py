"""Remarks: what reading had to decide or leave out, counted by code."""

from dataclasses import dataclass, field

from tunewise.finding import Finding, Severity

CODES: dict[str, tuple[Severity, str, str]] = {
    "D001": (
        "note",
        "Columns taken by their names",
        "If one is taken wrongly, name it: columns={'ROLE': 'NAME'} or --column ROLE=NAME.",
    ),
    "D002": (
        "warning",
        "More than one column could be the query or the document",
        "Say which one is meant: columns={'query': …} or --column query=NAME.",
    ),
    "D003": (
        "note",
        "Repeated rows, kept once",
        "Nothing to do, unless each row was meant to be different.",
    ),
    "D004": (
        "warning",
        "Queries in more than one part, kept in the part nearest to test",
        "Remove them from the other parts.",
    ),
    "D005": (
        "warning",
        "The same query and document with different grades, the highest kept",
        "Decide on one grade for each query and document.",
    ),
    "D006": (
        "warning",
        "Grades below 0, counted as 0",
        "Use 0 for what was looked at and is not relevant.",
    ),
    "D007": (
        "warning",
        "Judgments for documents that do not exist, left out",
        "Add the documents, or check that their ids are spelled as in the judgments.",
    ),
    "D008": (
        "warning",
        "Judgments for queries that do not exist, left out",
        "Add the queries, or check that their ids are spelled as in the judgments.",
    ),
    "D009": (
        "note",
        "Grades with fractions: relevant means at least half the highest grade",
        "If that is not what they mean, use whole grades: 0 not relevant, 1 and up relevant.",
    ),
    "D010": (
        "note",
        "Files or splits left aside",
        "If one of them belongs to the task, give it its usual name or pass it by name.",
    ),
    "D011": (
        "warning",
        "Texts with half a character (a lone UTF-16 surrogate), replaced by U+FFFD",
        "Export the data anew from its source; it was cut or decoded wrongly there.",
    ),
    "D012": (
        "warning",
        "Judged queries without a part while others have one, counted as train",
        "Give every query a part: train, dev or test.",
    ),
    "D013": (
        "warning",
        "A column named like a division holds none of train, dev and test, left aside",
        "Write train, dev and test in it, or name another (--column split=NAME).",
    ),
    "D014": (
        "warning",
        "Queries in more than one group, the first kept",
        "Give each query one group.",
    ),
    "D015": (
        "warning",
        "Negatives that say what a right answer of their row says, left out",
        "Write another text there, or leave the field empty.",
    ),
    "D060": (
        "note",
        "What kind of data it is, told by its columns",
        "If it is another kind, say so: kind='retrieval', 'scored' or 'labelled'.",
    ),
    "D061": (
        "note",
        "Scores mapped to 0…1 from the scale they fit in",
        "If the scale is another one, write the scores as 0…1.",
    ),
    "D062": (
        "warning",
        "Scores far outside the scale of all others, left out",
        "Correct these scores, or remove the rows.",
    ),
    "D063": (
        "warning",
        "A few scores make the scale wider than all others need",
        "If they are slips, correct them: the others keep only a part of 0…1 now.",
    ),
    "D064": (
        "warning",
        "Scores that may be classes: 0, 1 and 2 only",
        "If they are classes, not more and less alike, map them to a score of 0…1.",
    ),
    "D065": (
        "warning",
        "Rows with an empty text, left out",
        "Mend or remove them.",
    ),
    "D066": (
        "warning",
        "Texts without a label, left out",
        "Give each text a label, or remove it.",
    ),
    "D067": (
        "warning",
        "Test rows whose text is also in train or dev, in the same words or nearly",
        "Remove them from one side, or give no parts, to have all rows divided.",
    ),
    "D068": (
        "note",
        "Texts with several labels, or pairs with several scores",
        "Decide on one. All of them are used as they are.",
    ),
    "D069": (
        "warning",
        "Labels with fewer than two texts in train",
        "Add texts with these labels to train: they cannot be learned.",
    ),
    "D070": (
        "warning",
        "Too few rows in dev to choose or stop on",
        "Add rows: what is chosen on so few is chosen by chance.",
    ),
    "D071": (
        "note",
        "Parts cut where there were none",
        "Give parts of your own (train, dev, test) to have exactly those used.",
    ),
    "D072": (
        "warning",
        "Rows without a part while others have one, counted as train",
        "Give every row a part: train, dev or test.",
    ),
    "D073": (
        "note",
        "Grouped loosely: chains of shared texts would have joined most pairs",
        "Nothing needs to be done; a text may stand in train and in test.",
    ),
    "D074": (
        "warning",
        "There is nothing to train on",
        "Add a train part, or give no parts, to have all rows divided.",
    ),
    "D075": (
        "note",
        "What separates several labels of a text, told by the column",
        "If it is something else, say so: separator='|' or --set separator='|'.",
    ),
    "D076": (
        "note",
        "Texts with an empty list of labels, kept",
        "No label is an answer. Leave out texts that nobody has looked at.",
    ),
    "D080": (
        "note",
        "Judgments estimated from clicks, position bias taken out",
        "Judge the queries of the test part by hand where you can: that shows more with less.",
    ),
    "D081": (
        "warning",
        "Rows of a click log that cannot be read, left out",
        "Write the rank as a whole number from 1, and clicked as 0 or 1.",
    ),
    "D082": (
        "warning",
        "Rows of a click log whose document does not exist, left out",
        "Add the documents, or check that their ids are spelled as in the log.",
    ),
    "D083": (
        "warning",
        "Rows of a click log whose query does not exist, left out",
        "Add the queries, or write their ids or texts in the log as they are there.",
    ),
    "D084": (
        "note",
        "Queries shown fewer than ten times, left out of what is judged by clicks",
        "Log for longer to have them judged.",
    ),
    "D085": (
        "warning",
        "Ranks whose examination the log does not tell, taken as 1/rank",
        "Swap neighbours in some of the lists shown: only documents seen at several ranks tell.",
    ),
    "D086": (
        "warning",
        "Queries with fewer than five clicks: what is relevant to them may be chance",
        "Log for longer, or judge these queries by hand.",
    ),
    "D087": (
        "warning",
        "Click-through below one in a hundred",
        "Check that each row is a document somebody could see, and that clicks were all logged.",
    ),
    "D088": (
        "warning",
        "Ranks that begin at 0, all counted one higher",
        "Write 1 for the first document of a list.",
    ),
    "D092": (
        "warning",
        "Clicks nearly all at one rank: they tell of the rank, not of documents",
        "Swap neighbours in some of the lists shown, or judge by hand; do not decide by these.",
    ),
    "D089": (
        "note",
        "No sessions in the click log, or too few: rows are drawn anew one by one",
        "Add a column session: clicks of one list are not independent, and the spread is larger.",
    ),
    "D110": (
        "note",
        "Odd texts in train, used in dev to choose by",
        "Nothing to do: what is odd is not learned from, only what is normal.",
    ),
    "D111": (
        "warning",
        "No odd text in dev, so contenders keep their usual settings",
        "Put odd texts into dev, or give a dozen or more and no parts, to have them divided.",
    ),
    "D112": (
        "warning",
        "Fewer than 30 odd texts to measure by",
        "Mark more texts of test as odd: until then the intervals are wide.",
    ),
    "D120": (
        "note",
        "A label that says none of the others: its texts teach when to answer none",
        "If it is a label like the others, say that none is: the option none= (--set none=).",
    ),
    "D130": (
        "note",
        "Ratings below what counts as liked, left out",
        "Name the lowest rating that says liked: the option liked (--set liked=4).",
    ),
    "D131": (
        "note",
        "Users who chose the same item again, the first time kept",
        "If what was had before is worth recommending, say so: the option again (--set again=yes).",
    ),
    "D132": (
        "note",
        "Users with too few items to be tested",
        "Nothing to do: what they chose counts in what is popular and goes together.",
    ),
    "D133": (
        "warning",
        "Items without a text",
        "Add their texts: only what others chose can recommend them until then.",
    ),
    "D134": (
        "warning",
        "Items whose text is another item's too",
        "Give the same item one id, or each its own text: vectors cannot tell these apart.",
    ),
    "D135": (
        "warning",
        "Rows without a user or an item, left out",
        "Mend or remove them.",
    ),
    "D136": (
        "note",
        "More users than are tested",
        "Nothing to do: as many are drawn as the answer needs, and all are learned from.",
    ),
    "D137": (
        "warning",
        "Users whose last items have one time: the order of the file decides",
        "Give times to the second where there are any; what is last is tested.",
    ),
    "D138": (
        "note",
        "Users with a text and without an item, left out",
        "Nothing to do: the winner recommends by the text of anybody (recommend --user-text).",
    ),
}
"""Code → severity, title, advice. A code never changes its meaning."""


@dataclass
class Remarks:
    """Counts what happens while reading and keeps the first three examples of each code."""

    _counts: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, list[str]] = field(default_factory=dict)
    _roles: dict[str, str] = field(default_factory=dict)

    def add(self, code: str, example: object, *, times: int = 1, role: str = "") -> None:
        """Counts more; `example` is made a text only if it is among the first three.

        `role` is the one that advice about columns names, for the first of its code.
        """
        self._roles.setdefault(code, role)
        self._counts[code] = self._counts.get(code, 0) + times
        examples = self._examples.setdefault(code, [])
        if len(examples) < 3:
            examples.append(str(example))

    def examples(self, code: str) -> list[str]:
        """The first examples of this code, none if it never happened."""
        return list(self._examples.get(code, ()))

    def count(self, code: str) -> int:
        """How often this happened."""
        return self._counts.get(code, 0)

    def findings(self) -> tuple[Finding, ...]:
        """One finding for each code that happened, in the order of the codes."""
        return tuple(
            Finding(code, *CODES[code][:2], count, tuple(self._examples[code]), self._advice(code))
            for code, count in sorted(self._counts.items())
        )

    def _advice(self, code: str) -> str:
        return CODES[code][2].replace("ROLE", self._roles[code])
