"""Click logs: judgments with position bias taken out, and how far they would spread."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tunewise
from tunewise.data.attraction import Attraction, estimate
from tunewise.data.clicklog import ClickLog
from tunewise.data.read import read_task
from tunewise.data.split import divide
from tunewise.errors import DataError, OptionError
from tunewise.task import Task
from tunewise.testing import WordHashEncoder, tiny_task

HEADER = ("query", "document", "rank", "clicked", "session")
EXAMINATION = 1 / np.arange(1, 9) ** 0.7
Row = tuple[object, ...]


def simulated(
    lists: int, *, seed: int, queries: int = 60, fixed: bool = False
) -> tuple[ClickLog, NDArray[np.float64]]:
    """A log of a known position-based model, and the attraction of each of its pairs.

    Each query has eight documents, the first two of them wanted. They are shown in an order that
    knows nothing of that, the same each time or with noise.
    """
    attraction = np.tile([0.6, 0.4, *[0.15] * 6], queries)
    taste = np.random.default_rng(0).normal(size=(queries, 8))
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), lists)
    order = np.argsort(-taste[query] + (not fixed) * rng.normal(size=(len(query), 8)), axis=1)
    pair = query[:, None] * 8 + order
    clicked = rng.random(pair.shape) < attraction[pair] * EXAMINATION
    log = ClickLog(
        [(f"q{n // 8}", f"d{n}") for n in range(queries * 8)],
        pair.ravel(),
        np.tile(np.arange(1, 9), len(query)),
        clicked.ravel(),
        np.repeat(np.arange(len(query)), 8),
    )
    return log, attraction


def click_through(log: ClickLog) -> NDArray[np.float64]:
    return np.bincount(log.pair, log.clicked) / np.bincount(log.pair)


def in_order(values: NDArray[np.float64], attraction: NDArray[np.float64]) -> float:
    """The share of a query's pairs of a wanted and an unwanted document ordered right."""
    by_query = values.reshape(-1, 8)
    wanted = attraction[:8] > 0.2
    return float((by_query[:, wanted, None] > by_query[:, None, ~wanted]).mean())


def test_examination_is_recovered_and_documents_ordered_better_than_by_clicks() -> None:
    log, attraction = simulated(200, seed=1)
    found = estimate(log)
    assert found.told.all()
    assert found.examination == pytest.approx(EXAMINATION, abs=0.05)
    assert np.corrcoef(found.grades, attraction)[0, 1] > 0.95
    assert np.corrcoef(click_through(log), attraction)[0, 1] < 0.87
    assert in_order(found.grades, attraction) > 0.995
    assert in_order(click_through(log), attraction) < 0.99
    wanted = attraction == 0.6
    assert found.grades[wanted].mean() == pytest.approx(0.6, abs=0.05)
    assert found.looks.sum() == pytest.approx(60 * 200 * EXAMINATION.sum(), rel=0.05)


def test_examination_is_right_though_each_pair_is_shown_a_few_times_only() -> None:
    log, _ = simulated(5, seed=1, queries=3000)
    assert estimate(log).examination == pytest.approx(EXAMINATION, abs=0.05)


def test_without_variation_of_ranks_the_usual_curve_is_taken_and_said() -> None:
    log, _ = simulated(200, seed=1, fixed=True)
    found = estimate(log)
    assert not found.told.any()
    assert found.examination == pytest.approx(1 / np.arange(1, 9))


def test_one_click_at_one_look_is_no_certainty() -> None:
    log, _ = simulated(50, seed=1)
    once = ClickLog(
        [*log.pairs, ("q", "d")],
        np.append(log.pair, len(log.pairs)),
        np.append(log.rank, 1),
        np.append(log.clicked, True),
        np.append(log.session, log.session.max() + 1),
    )
    found = estimate(once)
    assert found.grades.mean() < found.grades[-1] < 0.5


def test_the_bootstrap_spreads_as_other_logs_would() -> None:
    logs = [estimate(simulated(100, seed=seed)[0]) for seed in range(20)]
    true = np.stack([found.grades for found in logs]).std(axis=0, ddof=1)
    drawn = np.mean([found.redrawn.std(axis=0, ddof=1) for found in logs], axis=0)
    assert logs[0].redrawn.shape == (20, 480)
    assert drawn.mean() == pytest.approx(true.mean(), rel=0.15)
    of_examination = np.std([found.examination[-1] for found in logs], ddof=1)
    assert 0 < of_examination < 0.05


def test_sessions_are_drawn_whole() -> None:
    """Every list logged four times in one session tells no more than once."""
    log, _ = simulated(100, seed=1)
    row = np.repeat(np.arange(len(log.pair)), 4)
    session = log.session[row]
    four = ClickLog(log.pairs, log.pair[row], log.rank[row], log.clicked[row], session)
    whole = spread(estimate(four))
    by_row = spread(estimate(replace(four, session=np.arange(len(row)))))
    assert whole == pytest.approx(2 * by_row, rel=0.2)


def spread(found: Attraction) -> float:
    return float(found.redrawn.std(axis=0).mean())


def test_the_same_log_gives_the_same_estimate_and_another_seed_other_samples() -> None:
    log, _ = simulated(30, seed=1)
    assert np.array_equal(estimate(log).redrawn, estimate(log).redrawn)
    assert not np.array_equal(estimate(log).redrawn, estimate(log, seed=1).redrawn)


# From here on, files.


def small_task() -> Task:
    whole = tiny_task()
    queries = whole.queries.take(range(12))
    return replace(whole, queries=queries, judgments={q: whole.judgments[q] for q in queries.ids})


def rows_of(task: Task, *, lists: int = 30, seed: int = 0) -> list[Row]:
    """A log over a task: eight documents a query, the relevant one among them, order by chance."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    documents = list(task.documents.ids)
    for number, query in enumerate(task.judgments):
        (right,) = task.judgments[query]
        shown = [right, *(documents[(number + 7 * step) % len(documents)] for step in range(1, 8))]
        for time in range(lists):
            order = rng.permutation(8)
            looked = rng.random(8) < EXAMINATION
            liked = rng.random(8) < np.where(order == 0, 0.7, 0.03)
            for rank, (place, clicked) in enumerate(zip(order, looked & liked, strict=True), 1):
                rows.append((query, shown[place], rank, int(clicked), f"{query}/{time}"))
    return rows


def write_rows(path: Path, rows: Iterable[Row], header: Sequence[str] = HEADER) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def folder_of(task: Task, folder: Path, rows: Iterable[Row] = (), **files: str) -> Path:
    for name, texts in {"corpus": task.documents, "queries": task.queries}.items():
        lines = [
            json.dumps({"_id": i, "text": t}) for i, t in zip(texts.ids, texts.texts, strict=True)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    for name, content in files.items():
        (folder / f"{name}.tsv").write_text(content)
    if rows:
        write_rows(folder / "clicks.csv", rows)
    return folder


def codes(task: Task) -> dict[str, int]:
    return {finding.code: finding.count for finding in task.findings}


def example(task: Task, code: str) -> str:
    return next(finding.examples[0] for finding in task.findings if finding.code == code)


@pytest.fixture(scope="module")
def clicked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clicked")
    return folder_of(small_task(), folder, rows_of(small_task()))


def test_a_log_beside_documents_and_queries_stands_in_for_judgments(clicked: Path) -> None:
    task, truth = read_task(clicked), small_task()
    relevant = {
        query: {key for key, grade in graded.items() if grade >= task.relevant_from}
        for query, graded in task.judgments.items()
    }
    assert relevant == {query: set(graded) for query, graded in truth.judgments.items()}
    assert {len(graded) for graded in task.judgments.values()} == {8}  # what was shown, no more
    assert 0.25 < task.relevant_from < 0.4  # half of about 0.65
    assert codes(task) == {"D080": 12 * 8}
    assert example(task, "D080").startswith(f"'{clicked}/clicks.csv': examination by rank 1: 1.00")


def test_twenty_samples_judge_the_same_queries_and_documents(clicked: Path) -> None:
    task = read_task(clicked)
    assert len(task.redrawn) == 20
    for again in task.redrawn:
        assert {q: set(g) for q, g in again.items()} == {
            q: set(g) for q, g in task.judgments.items()
        }
    grades = [again["q0"]["d0"] for again in task.redrawn]
    assert len(set(grades)) > 10
    assert abs(np.mean(grades) - task.judgments["q0"]["d0"]) < 3 * np.std(grades)


def test_the_test_part_gets_the_samples_of_its_queries_alone(tmp_path: Path) -> None:
    task = read_task(folder_of(tiny_task(), tmp_path, rows_of(tiny_task(), lists=12)))
    test = divide(task).test
    assert len(test.redrawn) == 20
    assert all(list(again) == list(test.part.judgments) for again in test.redrawn)
    query = test.part.queries.ids[0]
    assert test.redrawn[3][query] == task.redrawn[3][query]
    assert divide(tiny_task()).test.redrawn == ()


def test_other_clicks_change_the_fingerprint(clicked: Path, tmp_path: Path) -> None:
    task = read_task(clicked)
    rows = rows_of(small_task())
    query, document, rank, was, session = rows[0]
    rows[0] = (query, document, rank, 1 - int(str(was)), session)
    other = folder_of(small_task(), tmp_path, rows)
    assert read_task(other).fingerprint != task.fingerprint
    unsure = [
        (*row[:4], f"{row[0]}") for row in rows_of(small_task())
    ]  # longer sessions, same rows
    same = read_task(folder_of(small_task(), tmp_path, unsure))
    assert same.judgments == task.judgments
    assert same.fingerprint != task.fingerprint


def test_judgments_by_hand_hold_unless_the_log_is_named(clicked: Path, tmp_path: Path) -> None:
    qrels = {"judgments": "q0\td0\t1\nq1\td1\t1\n"}
    folder = folder_of(small_task(), tmp_path, rows_of(small_task()), **qrels)
    by_hand = read_task(folder)
    assert by_hand.judgments == {"q0": {"d0": 1.0}, "q1": {"d1": 1.0}}
    assert example(by_hand, "D010") == f"{folder}/clicks.csv"
    by_clicks = read_task(folder, clicks="clicks.csv")
    assert by_clicks.judgments == read_task(clicked).judgments
    assert example(by_clicks, "D010") == f"{folder}/judgments.tsv"
    assert by_clicks.read_with == {"clicks": "clicks.csv"}
    with pytest.raises(OptionError, match="Give one"):
        read_task(folder, clicks="clicks.csv", judgments="judgments.tsv")


def test_a_log_of_texts_brings_its_queries(tmp_path: Path) -> None:
    truth = small_task()
    folder_of(truth, tmp_path)
    rows = [(truth.queries.text(str(row[0])), *row[1:]) for row in rows_of(truth)]
    log = write_rows(tmp_path / "log.csv", rows)
    alone = read_task(log, documents=tmp_path / "corpus.jsonl")
    assert alone.queries.texts == truth.queries.texts
    assert alone.judgments["q1"].keys() == read_task(tmp_path, clicks=log).judgments["q0"].keys()
    with_queries = read_task(log, documents="corpus.jsonl", queries="queries.jsonl")
    assert with_queries.judgments == read_task(tmp_path, clicks=log).judgments


def test_columns_of_other_names_are_named(clicked: Path, tmp_path: Path) -> None:
    header = ("query", "document", "rang", "geklickt", "sitzung")
    log = write_rows(tmp_path / "log.csv", rows_of(small_task()), header)
    columns = {"rank": "rang", "clicked": "geklickt", "session": "sitzung"}
    task = read_task(
        log, documents=clicked / "corpus.jsonl", queries=clicked / "queries.jsonl", columns=columns
    )
    assert task.fingerprint == read_task(clicked).fingerprint


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path: Path) -> None:
    wrong: list[Row] = [
        ("q0", "d0", "top", 1, "s1"),
        ("q0", "d0", 1, "yes", "s1"),
        ("q0", "d0", -1, 0, "s1"),
        ("", "d0", 1, 0, "s1"),
        ("q0", "d999", 1, 0, "s1"),
        ("what nobody asked", "d0", 1, 0, "s1"),
    ]
    clean = read_task(folder_of(small_task(), tmp_path, rows_of(small_task())))
    task = read_task(folder_of(small_task(), tmp_path, [*wrong, *rows_of(small_task())]))
    assert codes(task) == {"D080": 12 * 8, "D081": 4, "D082": 1, "D083": 1}
    assert example(task, "D081") == f"Line 2 of '{tmp_path}/clicks.csv': rank 'top'"
    assert task.fingerprint == clean.fingerprint


def without(*queries: str) -> Callable[[Row], bool]:
    return lambda row: row[0] not in queries


def test_queries_shown_too_seldom_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = rows_of(small_task())
    seldom = [row for row in rows if row[0] == "q5"][: 9 * 8]
    task = read_task(folder_of(small_task(), tmp_path, [*filter(without("q5"), rows), *seldom]))
    assert codes(task)["D084"] == 1
    assert example(task, "D084") == "query 'q5': shown 9 times"
    assert "q5" not in task.judgments
    assert "q5" in task.queries.position


def test_a_document_nobody_is_thought_to_have_looked_at_is_unjudged(tmp_path: Path) -> None:
    rows = [*rows_of(small_task()), ("q0", "d100", 8, 0, "q0/0")]  # looked at with chance 0.23
    task = read_task(folder_of(small_task(), tmp_path, rows))
    assert "d100" not in task.judgments["q0"]


@pytest.mark.parametrize(
    ("change", "code", "count"),
    [
        (lambda row: (*row[:2], int(str(row[2])) - 1, *row[3:]), "D088", 12 * 30),
        (lambda row: (*row[:4], ""), None, 0),
        (lambda row: (*row[:4], "all one"), "D089", 12 * 30 * 8),
        (lambda row: (*row[:3], int(row[2] == 1), row[4]), "D092", 12 * 30),
        (lambda row: (*row[:3], int(row[3:] == (1, f"{row[0]}/1")), row[4]), "D087", 0),
    ],
)
def test_what_makes_a_log_weak_is_said(
    tmp_path: Path, change: Callable[[Row], Row], code: str | None, count: int
) -> None:
    task = read_task(folder_of(small_task(), tmp_path, map(change, rows_of(small_task()))))
    if code is None:
        assert codes(task).keys() == {"D080"}  # a row without a session is one of its own
    else:
        assert codes(task)[code] == count or not count


def test_lists_that_never_change_make_a_warning_for_every_rank(tmp_path: Path) -> None:
    rows = sorted(rows_of(small_task()), key=lambda row: str(row[:2]))
    places: dict[object, dict[object, int]] = {}
    fixed: list[Row] = []
    for query, document, _, was, session in rows:
        ranks = places.setdefault(query, {})
        fixed.append((query, document, ranks.setdefault(document, len(ranks) + 1), was, session))
    task = read_task(folder_of(small_task(), tmp_path, fixed))
    assert codes(task)["D085"] == 8
    assert "1: 1.00, 2: 0.50, 3: 0.33" in example(task, "D080")


FEW = [("q0", "d0", 1, 1, "a"), ("q0", "d1", 2, 0, "a")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("q0", "d0", 1, 1, "a")], "Every row of .* is clicked"),
        ([("q0", "d0", 1, 0, "a")], "holds no click"),
        ([("q0", "nowhere", 1, 1, "a")], "No row of .* can be used .*document 'nowhere'"),
        (FEW, "shown 10 times or more"),
        ([("q0", "d0", 1)], "has 3 fields"),
    ],
)
def test_a_log_that_says_nothing_is_refused(tmp_path: Path, rows: list[Row], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_task(folder_of(small_task(), tmp_path, rows))


def test_a_log_lacking_a_column_its_documents_or_its_queries_is_refused(tmp_path: Path) -> None:
    folder_of(small_task(), tmp_path)
    no_rank = write_rows(tmp_path / "log.csv", [("q0", "d0", 1)], ("query", "document", "clicked"))
    with pytest.raises(DataError, match="no column for the rank of the click log"):
        read_task(tmp_path, clicks=no_rank)
    alone = write_rows(tmp_path / "alone.csv", FEW)
    with pytest.raises(DataError, match="documents="):
        read_task(alone)
    by_id = write_rows(tmp_path / "ids.csv", FEW, ("query_id", *HEADER[1:]))
    with pytest.raises(DataError, match="queries="):
        read_task(by_id, documents="corpus.jsonl")


def test_a_task_of_clicks_is_written_and_read_with_its_samples(
    clicked: Path, tmp_path: Path
) -> None:
    task = read_task(clicked)
    tunewise.write_task(task, tmp_path / "written")
    back = read_task(tmp_path / "written")
    assert back.redrawn == task.redrawn
    assert back.fingerprint == task.fingerprint
    qrels = tmp_path / "written" / "qrels.tsv"
    qrels.write_text("\n".join(qrels.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DataError, match="drawn anew"):
        read_task(tmp_path / "written")


def test_a_verdict_is_reached_on_clicks(tmp_path: Path) -> None:
    folder = folder_of(tiny_task(), tmp_path, rows_of(tiny_task(), lists=12))
    found: Any = tunewise.measure(
        read_task(folder), encoders=[WordHashEncoder()], contenders=("lexical", "pretrained")
    )
    assert "D080" in [finding.code for finding in found.findings]
    assert found.decision.answer
