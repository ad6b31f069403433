"""Data sets of the datasets library, from a folder it saved; no network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunewise.data.read import read_task
from tunewise.errors import DataError

datasets = pytest.importorskip("datasets")


def rows(*pairs: tuple[str, str]) -> object:
    return datasets.Dataset.from_dict(
        {
            "anchor": [query for query, _ in pairs],
            "positive": [document for _, document in pairs],
            "negative": [["n1", "n2"] for _ in pairs],
        }
    )


@pytest.mark.parametrize("prefix", ["hf:", ""])
def test_the_splits_of_a_saved_data_set_are_parts(tmp_path: Path, prefix: str) -> None:
    splits = {"train": rows(("a", "x")), "validation": rows(("b", "y")), "test": rows(("c", "x"))}
    datasets.DatasetDict({**splits, "extra": rows(("d", "z"))}).save_to_disk(tmp_path / "set")
    task = read_task(f"{prefix}{tmp_path / 'set'}")
    assert task.parts == {"q1": "train", "q2": "dev", "q3": "test"}
    assert list(task.queries.texts) == ["a", "b", "c"]
    assert task.judgments["q1"] == {"d1": 1.0, "d2": 0.0, "d3": 0.0}
    left = next(finding for finding in task.findings if finding.code == "D010")
    assert left.examples == (f"split 'extra' of '{tmp_path / 'set'}'",)


def test_a_single_saved_table_is_not_divided(tmp_path: Path) -> None:
    rows(("a", "x"), ("b", "y")).save_to_disk(tmp_path / "set")  # type: ignore[attr-defined]
    task = read_task(f"hf:{tmp_path / 'set'}")
    assert task.parts == {}
    assert len(task.queries) == 2


def test_one_split_can_be_asked_for_and_is_then_not_divided(tmp_path: Path) -> None:
    splits = {"train": rows(("a", "x")), "test": rows(("b", "y"), ("c", "y"))}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "set")
    task = read_task(f"hf:{tmp_path / 'set'}::test")
    assert list(task.queries.texts) == ["b", "c"]
    assert task.parts == {}
    with pytest.raises(DataError, match=r"no split 'dev', but train, test"):
        read_task(f"hf:{tmp_path / 'set'}::dev")


def test_splits_of_other_names_must_be_chosen(tmp_path: Path) -> None:
    datasets.DatasetDict({"en": rows(("a", "x")), "de": rows(("b", "y"))}).save_to_disk(
        tmp_path / "set"
    )
    with pytest.raises(DataError, match=r"splits of .* are en, de; none is train.*set::en"):
        read_task(f"hf:{tmp_path / 'set'}")


def test_a_broken_data_set_is_refused(tmp_path: Path) -> None:
    rows(("a", "x")).save_to_disk(tmp_path / "set")  # type: ignore[attr-defined]
    (tmp_path / "set" / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"cannot be loaded: .*save_to_disk writes"):
        read_task(f"hf:{tmp_path / 'set'}")


@pytest.mark.parametrize("name", ["hf:", "hf:a:b:c:d"])
def test_a_name_that_names_nothing_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"does not name a data set\. Write hf:NAME"):
        read_task(name)


def test_a_data_set_that_cannot_be_reached_is_refused_without_a_traceback(tmp_path: Path) -> None:
    code = (
        "from tunewise.data.read import read_task\n"
        "from tunewise.errors import DataError\n"
        "try:\n    read_task('hf:no-one/nothing')\n"
        "except DataError as refusal:\n    print(refusal)\n"
    )
    settings = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "The data set 'no-one/nothing' cannot be loaded: " in done.stdout, done.stderr
    assert "Check its name and the network" in done.stdout
