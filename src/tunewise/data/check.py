"""What is wrong with a task, as findings: looks, never changes.

Codes never change their meaning. D001 to D019 come from reading, D050 to D059 from
dividing, D060 to D079 from scored pairs and labelled texts, D080 up from click logs.

| code | severity | meaning |
|---|---|---|
| D020 | note | documents repeat another word for word |
| D021 | note | documents say nearly the same as another |
| D022 | warning | a copy of a relevant document is not judged, so finding it counts as wrong |
| D023 | warning | judged queries repeat another word for word |
| D024 | note | judged queries say nearly the same as another |
| D025 | note | queries have no judgments |
| D026 | warning | queries are judged, but nothing is relevant to them |
| D027 | warning | documents are empty |
| D028 | warning | queries are empty |
| D029 | note, warning from 10 % | documents are longer than the encoder reads |
| D030 | note, warning from 10 % | queries are longer than the encoder reads |
| D031 | warning | documents are larger than a megabyte |
| D032 | warning, error from half | test queries are also in train or dev, word for word |
| D033 | warning, error from half | test queries are in train or dev in nearly the same words |
| D034 | warning | half or more of a test query's relevant documents are relevant in train or dev |
| D035 | warning | the same query and document, by their texts, have different grades |
| D036 | warning | one document answers more than a fifth of the queries |
| D037 | error | all documents, or the answers to all queries, are the same: nothing to rank |
| D038 | warning | texts are in several languages |
| D039 | warning | queries are in another language than the documents |
| D040 | warning, error below 6 groups | too few test queries to be sure of the gain worth having |
| D041 | warning | the encoder cannot read the script |
"""

from tunewise.advice import require_worth
from tunewise.data.checks import division as parts
from tunewise.data.checks import duplicates, judgments, texts
from tunewise.data.checks.texts import Reader
from tunewise.data.checks.view import viewed
from tunewise.data.split import Division
from tunewise.finding import Finding, in_order
from tunewise.task import Task


def check(
    task: Task,
    *,
    division: Division | None = None,
    encoder: Reader | None = None,
    worth: float = 0.02,
) -> list[Finding]:
    """What is wrong with the task's texts and judgments, the gravest first.

    With a `division`, also what leaks from train and dev to test; with an `encoder`, also what it
    cannot read. `worth` is the gain worth having, against which the number of queries is held.
    Findings that reading or dividing made are not repeated. Raises OptionError for a `worth`
    outside (0, 1).

    >>> from tunewise.task import Task, Texts
    >>> documents = Texts(["d1", "d2", "d3"], ["a kettle", "a ladder", "a kettle"])
    >>> queries = Texts(["q1", "q2"], ["boil water", "climb"])
    >>> task = Task(documents, queries, {"q1": {"d1": 1.0}, "q2": {"d2": 1.0}})
    >>> [(finding.code, finding.count) for finding in check(task)]
    [('D040', 2), ('D022', 1), ('D020', 1)]
    """
    require_worth(worth)
    view = viewed(task)
    findings = [
        *duplicates.duplicate_documents(view),
        *duplicates.duplicate_queries(view),
        *duplicates.nothing_to_rank(view),
        *judgments.unjudged(view),
        *judgments.contradictory(view),
        *judgments.hubs(view),
        *texts.empty(view),
        *texts.huge(view),
        *texts.languages(view),
        *parts.power(view, division, worth),
    ]
    if division is not None:
        findings += parts.leakage(view, division)
    if encoder is not None:
        findings += texts.cut_off(view, encoder) + texts.unreadable(view, encoder)
    return in_order(findings)
