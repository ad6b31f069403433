"""Mining: nothing known to be right is ever mined, margins hold, and files come back the same."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.data.pairs import listed, training_pairs
from tunewise.errors import DataError, OptionError
from tunewise.rankings import collect
from tunewise.task import Part, Texts, Training
from tunewise.training.negatives import mine, read_negatives, write_negatives

QUERIES, DOCUMENTS = 8, 30


def training(judgments=None, groups=None):
    texts = [f"document about subject number{n}" for n in range(DOCUMENTS - 3)]
    texts += texts[:3]  # twins of the first three
    judged = judgments or {f"q{n}": {f"d{n}": 1.0} for n in range(QUERIES)}
    asked = Texts(list(judged), [f"question{n} what" for n in range(len(judged))])
    train = Part(asked, judged, groups or list(judged))
    corpus = Texts([f"d{n}" for n in range(DOCUMENTS)], texts)
    return Training(corpus, train, Part(Texts([], []), {}, []))


def rankings(task, scores):
    """Every document ranked for every query; scores is (queries, documents)."""
    every = np.arange(DOCUMENTS)
    lists = [(every, line.astype(np.float32)) for line in scores]
    return collect(task.train.queries.ids, task.documents.ids, lists)


def ranked(task, seed=0, low=-1.0):
    generator = np.random.default_rng(seed)
    scores = generator.uniform(low, 1.0, (len(task.train), DOCUMENTS))
    own = np.arange(min(len(task.train), QUERIES))
    scores[own, own] += 0.6  # most answers rank high
    return rankings(task, scores)


def entries(found):
    return found.documents.of(np.arange(len(found.documents.starts) - 1))


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.05, 0.3]),
    st.integers(1, 5),
    st.sampled_from([-3.0, -1.0, 0.0]),
)
def test_what_is_mined_is_not_barred_and_keeps_margin_and_ranks(seed, each, margin, first, low):
    task = training(groups=["a", "a", *"cdefgh"])
    pairs, order = training_pairs(task), ranked(task, seed, low)
    found = mine(task, pairs, order, per_query=each, first_rank=first, last_rank=20,
                 relative_margin=margin, seed=seed)  # fmt: skip
    rows, places = entries(found)
    assert not listed(pairs.barred, rows, places).any()
    assert ((found.ranks >= first) & (found.ranks <= 20)).all()
    score_of = [dict(zip(p.tolist(), s.tolist(), strict=True)) for p, s in order]
    for row, place, score in zip(rows, places, found.scores, strict=True):
        answer = score_of[row][int(row)]
        assert score == np.float32(score_of[row][int(place)])
        assert score < answer
        if answer > 0:
            assert score < (1 - margin) * answer + 1e-6
    assert (np.bincount(rows, minlength=QUERIES) <= each).all()


def test_every_ranked_document_is_mined_or_counted_with_its_reason():
    task = training()
    found = mine(task, training_pairs(task), ranked(task), per_query=2)
    assert len(found) + sum(found.filtered.values()) == QUERIES * DOCUMENTS


def test_without_filters_other_documents_are_mined_but_never_the_answer_itself():
    task = training()
    pairs, order = training_pairs(task), ranked(task)
    careful = mine(task, pairs, order, per_query=4)
    naive = mine(task, pairs, order, per_query=4, relative_margin=None, bar=False)
    assert entries(careful)[1].tolist() != entries(naive)[1].tolist()
    rows, places = entries(mine(task, pairs, order, per_query=99, relative_margin=None, bar=False,
                                last_rank=None))  # fmt: skip
    assert len(rows) == QUERIES * (DOCUMENTS - 1)
    assert (places != rows).all()
    assert (places == 27).any()  # d27 says the same as d0


def test_a_negative_stays_below_the_lowest_of_several_ranked_answers():
    task = training({"q0": {"d0": 1.0, "d5": 1.0}})
    scores = np.linspace(1.0, 0.1, DOCUMENTS)[None]  # d5 is sixth
    found = mine(task, training_pairs(task), rankings(task, scores), per_query=99,
                 relative_margin=0.0)  # fmt: skip
    assert entries(found)[1].min() == 6


def test_where_no_answer_is_ranked_nothing_is_mined_and_the_query_is_short():
    task = training({"q0": {"d0": 1.0}})
    some = (np.arange(5, 15), np.linspace(1, 0.5, 10))
    order = collect(["q0"], task.documents.ids, [some])
    found = mine(task, training_pairs(task), order)
    assert len(found) == 0
    assert found.short == 1
    assert found.filtered["the answer itself is not among those ranked"] == 10


def test_documents_judged_not_relevant_are_not_mined_for_they_are_negatives_already():
    task = training({"q0": {"d0": 1.0, "d9": 0.0}})
    scores = np.linspace(1.0, 0.1, DOCUMENTS)[None]
    found = mine(task, training_pairs(task), rankings(task, scores), per_query=99)
    assert 9 not in entries(found)[1]
    assert found.filtered["judged not relevant already"] == 1


def test_the_same_seed_mines_the_same_and_another_others():
    task = training()
    pairs, order = training_pairs(task), ranked(task, low=0.0)
    drawn = [entries(mine(task, pairs, order, per_query=1, seed=seed))[1].tolist()
             for seed in (0, 0, 1)]  # fmt: skip
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_query": 0},
        {"first_rank": 0},
        {"first_rank": 9, "last_rank": 3},
        {"relative_margin": 1.0},
    ],
)
def test_senseless_numbers_are_refused(wrong):
    task = training()
    with pytest.raises(OptionError):
        mine(task, training_pairs(task), ranked(task), **wrong)


def test_rankings_of_other_queries_are_refused():
    task, other = training(), training({"x": {"d0": 1.0}})
    with pytest.raises(OptionError, match="other queries"):
        mine(task, training_pairs(task), ranked(other))


@pytest.fixture
def written(tmp_path):
    task = training()
    pairs = training_pairs(task)
    found = mine(task, pairs, ranked(task), per_query=3)
    write_negatives(tmp_path / "mined.jsonl", task, pairs, found)
    return task, found, tmp_path / "mined.jsonl"


def changed(path, change):
    said = [json.loads(line) for line in path.read_text().splitlines()]
    change(said)
    path.write_text("".join(json.dumps(line) + "\n" for line in said))


def test_a_file_has_a_line_a_query_and_comes_back_the_same(written):
    task, found, path = written
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == list(task.train.queries.ids)
    assert lines[0]["positives"] == ["d0"]
    some = next(line for line in lines if line["negatives"])["negatives"][0]
    assert some["text"] == task.documents.text(some["id"])
    back = read_negatives(path, task)
    for mine_, theirs in zip(entries(found), entries(back), strict=True):
        np.testing.assert_array_equal(mine_, theirs)
    np.testing.assert_array_equal(back.scores, found.scores)
    np.testing.assert_array_equal(back.ranks, found.ranks)


def test_what_is_barred_by_now_is_dropped_and_counted(written):
    task, found, path = written

    def add(said):
        for key in ("d0", "d27"):  # the answer and its twin
            text = task.documents.text(key)
            said[0]["negatives"].append({"id": key, "text": text, "rank": 1, "score": 1.0})

    changed(path, add)
    back = read_negatives(path, task)
    assert len(back) == len(found)
    assert sum(back.filtered.values()) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda said: said[0].update(id="q99"), "'q99' is not in the train part"),
        (lambda said: said[0].update(text="other"), "'q0' has another text"),
        (lambda said: said[0].pop("negatives"), "Line 1 of .* is not what"),
        (lambda said: said.append(said[0]), "about the query 'q0' again"),
        (lambda said: said.clear(), "is empty"),
        (
            lambda said: said[0].update(
                negatives=[{"id": "d99", "text": "", "rank": 1, "score": 0.5}]
            ),
            "the document 'd99' is not in",
        ),
        (
            lambda said: said[0].update(negatives=[{"id": "d5", "rank": "x", "score": 0.5}]),
            "is not what",
        ),
    ],
)
def test_a_file_of_another_task_or_a_broken_one_is_refused(written, change, told):
    task, _, path = written
    changed(path, change)
    with pytest.raises(DataError, match=told):
        read_negatives(path, task)
