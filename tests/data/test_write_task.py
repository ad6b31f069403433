"""A task written to a folder and read again is the same task."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.data.read import read_task
from tunewise.data.write import MANIFEST, write_task
from tunewise.errors import DataError, OutputError
from tunewise.task import Task, Texts

TASK = Task(
    Texts(["d1", "d2"], ["300 m", "135 years"]),
    Texts(["q1", "q2", "q3"], ["how tall", "how old", "never judged"]),
    {"q1": {"d1": 1.0, "d2": 0.0}, "q2": {"d2": 2.0}},
    parts={"q1": "train", "q2": "test"},
    groups={"q1": "tower"},
    source="by hand",
)

any_text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
any_id = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=5
).filter(lambda key: key == key.strip())
any_grade = st.sampled_from([0.0, 1.0, 2.0, 0.1, 1 / 3])


@st.composite
def any_task(draw: st.DrawFn) -> Task:
    documents = draw(st.lists(any_id, min_size=1, max_size=5, unique=True))
    queries = draw(st.lists(any_id, min_size=1, max_size=5, unique=True))
    graded = st.dictionaries(st.sampled_from(documents), any_grade, min_size=1)
    judgments = draw(st.dictionaries(st.sampled_from(queries), graded, min_size=1))
    judgments[next(iter(judgments))][documents[0]] = 1.0
    parts = {query: draw(st.sampled_from(["train", "dev", "test"])) for query in judgments}
    return Task(
        Texts(documents, [draw(any_text) for _ in documents]),
        Texts(queries, [draw(any_text) for _ in queries]),
        judgments,
        parts=parts if draw(st.booleans()) else {},
        groups={query: draw(any_id) for query in draw(st.sets(st.sampled_from(queries)))},
        relevant_from=draw(st.sampled_from([0.5, 1.0, 2.0])),
    )


def test_a_task_comes_back_with_parts_groups_and_grades(tmp_path: Path) -> None:
    write_task(TASK, tmp_path / "new" / "folder")
    back = read_task(tmp_path / "new" / "folder")
    assert back.fingerprint == TASK.fingerprint
    assert back.parts == TASK.parts
    assert back.groups == TASK.groups
    assert back.judgments == TASK.judgments
    assert back.queries == TASK.queries
    assert back.findings == ()


@settings(max_examples=40)
@given(any_task())
def test_any_task_comes_back_with_the_same_fingerprint(
    tmp_path_factory: pytest.TempPathFactory, task: Task
) -> None:
    folder = tmp_path_factory.mktemp("task")
    write_task(task, folder)
    assert read_task(folder).fingerprint == task.fingerprint


def test_the_folder_is_laid_out_as_beir_does(tmp_path: Path) -> None:
    write_task(TASK, tmp_path)
    lines = (tmp_path / "corpus.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"_id": "d1", "title": "", "text": "300 m"}
    assert (tmp_path / "qrels" / "train.tsv").read_text() == (
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n"
    )
    assert not (tmp_path / "qrels" / "dev.tsv").exists()


def test_a_task_written_over_another_leaves_nothing_of_it(tmp_path: Path) -> None:
    write_task(TASK, tmp_path)
    undivided = replace(TASK, parts={})
    write_task(undivided, tmp_path)
    assert read_task(tmp_path).fingerprint == undivided.fingerprint


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("mine")
    with pytest.raises(OutputError, match=r"not a task written by Tunewise\. Choose an empty"):
        write_task(TASK, tmp_path)
    assert (tmp_path / "corpus.jsonl").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"Cannot write to .*Move it away or choose ano"):
        write_task(TASK, tmp_path / "file" / "folder")


def test_a_task_with_only_some_queries_in_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Query 'q2' has judgments but no part"):
        write_task(replace(TASK, parts={"q1": "test"}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_left_unfinished_is_not_read_but_can_be_written_again(tmp_path: Path) -> None:
    class FullDisk(dict[str, float]):
        def items(self) -> object:  # type: ignore[override]
            raise OSError(28, "No space left on device")

    stopped = replace(TASK, judgments={**TASK.judgments, "q2": FullDisk(d2=2.0)})
    with pytest.raises(OutputError, match="No space left on device"):
        write_task(stopped, tmp_path)
    with pytest.raises(DataError, match=r"not written to the end\. Write the task again"):
        read_task(tmp_path)
    write_task(TASK, tmp_path)
    assert read_task(tmp_path).fingerprint == TASK.fingerprint


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ('{"format": 99, "complete": true}', r"has format 99, but this version .* reads format 1"),
        ("[]", r"is broken .*or remove this file"),
        ("{", r"is broken .*Write the task again"),
    ],
)
def test_a_manifest_of_another_version_or_broken_is_refused(
    tmp_path: Path, manifest: str, said: str
) -> None:
    write_task(TASK, tmp_path)
    (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(DataError, match=said):
        read_task(tmp_path)


def test_half_a_character_is_written_as_json_escapes_it(tmp_path: Path) -> None:
    write_task(replace(TASK, documents=Texts(["d1", "d2"], ["a \ud83d", "ü"])), tmp_path)
    content = (tmp_path / "corpus.jsonl").read_text(encoding="utf-8")
    assert "a \\ud83d" in content
    assert "ü" in content
    assert [finding.code for finding in read_task(tmp_path).findings] == ["D011"]
