"""compare: two contenders, encoders or run files on the same queries."""

from collections.abc import Sequence
from pathlib import Path

from tunewise import comparison
from tunewise.comparison import Comparison
from tunewise.contenders import load_contender
from tunewise.contenders.kept import place_of
from tunewise.data.split import divide
from tunewise.encoders import is_hosted, load_encoder
from tunewise.errors import DataError
from tunewise.measurement.uses import count_use
from tunewise.metrics import DEFAULT_METRICS, parse_metric, score
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings, read_run
from tunewise.retrieval import nearest
from tunewise.task import Part, Task


def compare(
    first: str,
    second: str,
    *,
    on: Task,
    base_url: str | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Comparison]:
    """First minus second, one comparison a metric, on the same judged queries of a task.

    `first` and `second` are each a TREC run file, a folder that `measure` wrote (or its
    `model/`), or a name for `load_encoder`. Two models meet on the task's test part, and that
    use of it is counted; as soon as one is a run file, the queries are those that a run file
    ranks and the task judges. A query that only one of them answers scores 0 for the other.

    Raises DataError when no judged query is left, and what reading either may raise.
    """
    names = [parse_metric(metric).name for metric in metrics]
    runs = [_run(name) for name in (first, second)]
    part = _part(on, [run for run in runs if run is not None], seed)
    rankings = [
        _ranked(name, on, part, base_url, progress) if run is None else run
        for name, run in zip((first, second), runs, strict=True)
    ]
    if None in runs:
        count_use(on, {"compare": [first, second], "task": on.fingerprint, "seed": seed})
    truth = part.judgments
    scores = [
        score(ranked, truth, names, relevant_from=on.relevant_from, weights=part.weights)
        for ranked in rankings
    ]
    group = dict(zip(part.queries.ids, part.groups, strict=True))
    groups = [group[query] for query in scores[0].query_ids]
    one, other = scores
    return [comparison.compare(one, other, name, groups=groups, seed=seed) for name in names]


def _run(name: str) -> Rankings | None:
    return read_run(Path(name)) if Path(name).is_file() else None


def _ranked(
    name: str, task: Task, part: Part, base_url: str | None, progress: Progress
) -> Rankings:
    folder = place_of(Path(name))
    if folder is not None:
        return load_contender(folder, task.documents, progress=progress).rank(part.queries)
    encoder = load_encoder(
        name,
        base_url=base_url if is_hosted(name) else None,
        texts=task.documents.texts,
        progress=progress,
    )
    return nearest(
        encoder.encode_queries(part.queries.texts, progress=progress),
        encoder.encode_documents(task.documents.texts, progress=progress),
        part.queries.ids,
        task.documents.ids,
    )


def _part(task: Task, runs: Sequence[Rankings], seed: int) -> Part:
    """The queries to compare on, with their judgments and groups."""
    division = divide(task, seed=seed)
    if not runs:
        return division.test.part
    parts = [division.training.train, division.training.dev, division.test.part]
    group = {q: g for part in parts for q, g in zip(part.queries.ids, part.groups, strict=True)}
    asked = {query for run in runs for query in run.query_ids}
    chosen = [query for query in task.judgments if query in asked and query in group]
    if not chosen:
        raise DataError(
            "None of the queries in the run files has a judgment in the data, so there is nothing "
            "to compare on. Check that the query ids are the same in both."
        )
    places = [task.queries.position[query] for query in chosen]
    return Part(
        task.queries.take(places),
        {query: task.judgments[query] for query in chosen},
        [group[query] for query in chosen],
        {query: task.weights[query] for query in chosen if query in task.weights},
    )
