"""Uses of the test part: each new look is counted, the same look again is not."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

import tunewise
from tunewise.contenders import load_contender
from tunewise.rankings import write_run
from tunewise.testing import WordHashEncoder, tiny_task


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def use(task=None, **options):
    options = {"contenders": ["lexical", "pretrained"], **options}
    found = tunewise.measure(task or tiny_task(), encoders=[WordHashEncoder()], **options)
    return found.data["test_use"]["ordinal"]


def test_the_same_measurement_again_keeps_its_number():
    assert [use(), use(), use(worth=0.05), use()] == [1, 1, 2, 1]


def test_another_division_of_the_same_queries_is_another_use():
    assert [use(seed=0), use(seed=1), use(seed=2)] == [1, 2, 3]


def test_other_documents_do_not_make_the_queries_new():
    task = tiny_task()
    changed = replace(
        task, documents=replace(task.documents, texts=["other", *task.documents.texts[1:]])
    )
    assert [use(task), use(changed)] == [1, 2]


def test_a_comparison_with_a_model_is_a_use_even_beside_a_run_file(tmp_path, cache):
    task = tiny_task()
    found = tunewise.measure(
        task, encoders=[WordHashEncoder()], contenders=["lexical", "pretrained"]
    )
    tunewise.save_verdict(found, tmp_path / "out")
    lexical = load_contender(tmp_path / "out" / "model", task.documents)
    write_run(lexical.rank(task.queries), tmp_path / "run.txt")
    before = [path.read_text() for path in (cache / "uses").iterdir()]
    tunewise.compare(str(tmp_path / "run.txt"), str(tmp_path / "out"), on=task)
    assert [path.read_text() for path in (cache / "uses").iterdir()] != before


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{}", b'{"uses": 5}', b"\xff"])
def test_a_damaged_count_is_set_aside_and_said(cache, caplog, content):
    use()
    [ledger] = (cache / "uses").iterdir()
    Path(ledger).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert use() == 1
    assert "damaged" in caplog.text
    assert ledger.with_suffix(".damaged").read_bytes() == content
