"""Tuning jobs: what is told of them is what is delivered, by names and never by places."""

import json
from contextlib import closing
from dataclasses import asdict

import pytest

from tunewise.data.fixed_split import divided
from tunewise.data.split import divide
from tunewise.errors import DataError, EncoderError, OptionError
from tunewise.jobs.delivered import figures, vectors_of
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.tuning import Wanted, _sentence, answer_of, run
from tunewise.jobs.works import place_of
from tunewise.measurement import measure
from tunewise.objects import FILES, Objects
from tunewise.report.facts import facts
from tunewise.testing import tiny_task


def rows():
    """The tiny task, one example a line."""
    task = tiny_task()
    for query, (document,) in task.judgments.items():
        pair = {"query": task.queries.text(query), "positive": task.documents.text(document)}
        yield json.dumps(pair)


@pytest.fixture
def asked(home):
    """Runs a job and gives its result and its events; file-N is a file of the first N rows."""
    there = Home(home / "state")
    with closing(Objects(there.objects)) as objects:
        for name, some in (("file-1", 128), ("file-10", 10), ("file-4", 4)):
            objects.put(FILES, name, ["\n".join([*rows()][:some]).encode()], most=10**6)

    def ask(**given):
        wanted = Wanted(
            **{"model": "base", "encoder": "word-hash", "training": "file-1",
               "files": [(FILES, "file-1")], **given}
        )  # fmt: skip
        with closing(Queue(there.jobs)) as queue:
            job = queue.add("tune", asdict(wanted))
            made = run(asdict(wanted), place_of(there, job.id, queue))
            return made, queue.events(job.id, limit=100), there.models / job.id

    return ask


def test_what_is_told_as_tuned_is_the_score_of_the_vectors_that_are_delivered(home):
    words = ["lexical", "pretrained", "hybrid"]
    verdict = measure(tiny_task(), encoders=["word-hash"], contenders=words)
    told = figures(verdict, facts(verdict))
    score = {one.name: one.scores.mean("nDCG@10") for one in verdict.standings}
    assert vectors_of(verdict).name == "pretrained" != verdict.contender.name
    assert told["tuned"] == told["base"]
    assert told["base"]["mean"] == score["pretrained"]
    assert (told["gain"], told["delivered"]) == (None, "base")  # nothing is held against itself
    assert told["best"]["name"] == verdict.contender.name
    assert told["best"]["mean"] == score[verdict.contender.name] > told["tuned"]["mean"]
    assert told["sentence"].endswith("Delivered: the vectors of pretrained alone.")


def test_a_rung_that_was_not_tried_is_told_with_its_reason(home):
    words = ["lexical", "pretrained", "partial"]
    verdict = measure(tiny_task(), encoders=["word-hash"], contenders=words)
    told = figures(verdict, facts(verdict))
    assert told["sentence"].endswith("Not tried: partial.")
    assert [one["name"] for one in told["skipped"]] == ["partial"]
    assert "its weights are not on this machine" in told["skipped"][0]["why"]


def test_a_budget_that_is_too_short_to_measure_the_base_is_said_to_be(asked):
    with pytest.raises(OptionError, match="before the model itself was measured"):
        asked(budget=0.001)


@pytest.mark.parametrize(
    ("name", "rung", "told"),
    [
        ("file-10", "adapter", "'a.jsonl' has 10 different queries, and the rung 'adapter' .* 64"),
        ("file-4", "auto", "'a.jsonl' has 4 rows, and a job takes 6 about different things"),
    ],
)
def test_too_few_rows_are_told_by_the_files_name_and_the_number_that_it_takes(
    asked, name, rung, told
):
    with pytest.raises(DataError, match=told):
        asked(training=name, files=[(FILES, name)], filename="a.jsonl", rung=rung)


def test_a_base_that_is_delivered_is_told_once_and_not_held_against_itself():
    level = {"mean": 0.8}
    told = _sentence({
        "metric": "nDCG@10", "measured_on": "test", "improved": False,
        "reason": "no adapter did better on dev than the base (nDCG@10 0.7): the base is delivered",
        "gain": {"base": level, "tuned": level, "difference": {"mean": 0, "low": 0, "high": 0}},
        "delivered": {"name": "pretrained"},
    })  # fmt: skip
    assert told == (
        "nDCG@10 of the base on test 0.800. No adapter did better on dev than the base "
        "(nDCG@10 0.7): the base is delivered."
    )


def test_no_place_of_the_server_is_told(asked, home):
    with pytest.raises(EncoderError, match="'base' holds no model") as told:
        asked(encoder=str(home))
    assert str(home) not in str(told.value)


def test_the_test_part_is_the_same_whatever_the_seed_of_the_job(home):
    task = tiny_task()
    parts = [divide(divided(task, seed), seed=seed).test.part.queries.ids for seed in (0, 3)]
    assert sorted(parts[0]) == sorted(parts[1])
    assert sorted(divide(task, seed=3).test.part.queries.ids) != sorted(parts[0])


@pytest.mark.parametrize(
    ("low", "high", "better", "improved", "measured_on", "cut", "told"),
    [
        (0.01, 0.05, 8, True, "test", False, "tune"),
        (0.01, 0.05, None, True, "test", False, "tune"),
        (0.01, 0.05, 7, True, "test", False, "cannot tell yet"),
        (-0.01, 0.05, 8, True, "test", False, "cannot tell yet"),
        (-0.08, -0.01, 8, True, "test", False, "suffices"),
        (0.0, 0.0, 0, False, "test", False, "suffices"),
        (0.0, 0.0, 0, False, "test", True, "cannot tell yet"),
        (0.01, 0.05, 8, True, "dev", False, "cannot tell yet"),
    ],
)
def test_the_answer_of_one_rung_goes_by_its_interval_on_test(
    low, high, better, improved, measured_on, cut, told
):
    gain = {"difference": {"low": low, "high": high}, "better": better, "worse": 2}
    found = {"gain": gain, "improved": improved, "measured_on": measured_on}
    assert answer_of(found, cut=cut) == told
