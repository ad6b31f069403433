"""Fixed split: the same test part whatever a seed, so that runs on one file can be compared."""

from dataclasses import replace

from tunewise.data.groups import scorable
from tunewise.data.split import divide
from tunewise.task import Task

SPLIT = 0
"""The seed that such data is divided with; the run's own is for the chance in training."""


def divided(task: Task, seed: int) -> Task:
    """The task with its parts written down, if `seed` would divide it otherwise than `SPLIT`.

    Tasks with queries drawn to be measured on are left as they are: those are their test part.
    """
    if seed == SPLIT or task.weights:
        return task
    found = divide(task, seed=SPLIT)
    parts = dict.fromkeys(scorable(task), "test") | {
        query: name
        for name, part in (("train", found.training.train), ("dev", found.training.dev))
        for query in part.queries.ids
    }
    fixed = replace(task, parts=parts)
    again = {finding.code for finding in divide(fixed, seed=SPLIT).findings}
    lost = [finding for finding in found.findings if finding.code not in again]
    return replace(fixed, findings=(*task.findings, *lost))
