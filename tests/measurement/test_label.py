"""Drawing queries to be labelled: known chances, and means that no choice has moved."""

import numpy as np
import pytest

from tunewise.comparison import compare
from tunewise.contenders import Contender
from tunewise.errors import OptionError
from tunewise.measurement.label import chances_of, draw, label, overlap
from tunewise.metrics import Scores
from tunewise.rankings import collect
from tunewise.task import Task, Texts

POOL, DRAWN, TIMES = 1500, 60, 250


def pool(rng: np.random.Generator):
    """Differences of two contenders on many queries: the more they disagree, the larger."""
    apart = np.where(rng.random(POOL) < 0.5, 0, rng.beta(1, 2, POOL))
    gained = rng.choice([1, 1, -1], POOL) * apart * rng.uniform(0.2, 1, POOL)
    return apart, gained


TRUTH = 0.5 * (1 / 3) * (1 / 3) * 0.6  # of the kind of queries that pools are made of


@pytest.fixture(scope="module")
def drawn():
    """What draws from many pools find: comparisons with the weights of the draw, and without."""
    rng, groups = np.random.default_rng(0), [str(n) for n in range(DRAWN)]

    def found(values, weights):
        pair = (
            Scores(groups, {"nDCG@10": each}, 0, 0, {}, {}, weights)
            for each in (values, np.zeros(DRAWN))
        )
        return compare(*pair, "nDCG@10", groups=groups, draws=200)

    weighted, plain = [], []
    for _ in range(TIMES):
        apart, difference = pool(rng)
        chances = chances_of(apart, DRAWN)
        places = draw(chances, rng)
        weighted.append(found(difference[places], 1 / chances[places]))
        plain.append(found(difference[places], None))
    return weighted, plain


def test_weighted_means_are_those_of_all_queries_and_plain_ones_are_not(drawn) -> None:
    weighted, plain = drawn
    means = np.array([one.difference for one in weighted])
    error = means.std() / np.sqrt(TIMES)
    assert abs(means.mean() - TRUTH) < 3 * error < 0.004
    assert np.mean([one.difference for one in plain]) > 1.8 * TRUTH


def test_weighted_intervals_hold_the_truth_95_times_in_100_and_plain_ones_do_not(drawn) -> None:
    held, unweighted = (np.mean([one.low <= TRUTH <= one.high for one in each]) for each in drawn)
    assert 0.93 <= held <= 0.99
    assert unweighted < 0.85


def test_labelling_where_they_disagree_takes_fewer_queries_than_labelling_at_random(drawn) -> None:
    _, difference = pool(np.random.default_rng(0))
    deviation = np.median([one.effective_deviation for one in drawn[0]])
    assert deviation < 0.85 * difference.std()


def test_every_query_is_drawn_as_often_as_its_chance_says() -> None:
    chances, rng = chances_of(np.linspace(0, 1, 20) ** 3, 6), np.random.default_rng(0)
    counts = np.zeros(20)
    for _ in range(4000):
        places = draw(chances, rng)
        assert len(set(places.tolist())) == 6
        counts[places] += 1
    assert counts / 4000 == pytest.approx(chances, abs=0.03)


@pytest.mark.parametrize("n", [1, 7, 39, 40, 90])
def test_chances_add_up_to_the_number_and_none_is_above_one(n: int) -> None:
    apart = np.r_[np.zeros(20), np.linspace(0.1, 1, 19), 50.0]
    chances = chances_of(apart, n)
    assert chances.sum() == pytest.approx(min(n, 40))
    assert chances.max() <= 1
    assert chances.min() >= 0.25 * min(n, 40) / 40 * 0.2


def test_where_nothing_disagrees_all_chances_are_the_same() -> None:
    assert chances_of(np.zeros(8), 2).tolist() == [0.25] * 8


def test_overlap_counts_what_is_high_up_in_more_depths() -> None:
    assert overlap("abc", "abc") == overlap("", "") == 1
    assert overlap("abc", "xyz") == 0
    assert overlap("abc", "abx") == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert overlap("abc", "xbc") == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)
    assert overlap("ab", "abc") == pytest.approx((1 + 1 + 2 / 3) / 3)


# The whole


def contender(name: str, shift: int) -> Contender:
    """One that finds fifteen documents, beginning `shift` after the query's number."""

    def rank(queries: Texts):
        lists = [
            ((np.arange(15) + int(text) + shift * (int(text) % 2)) % 100, np.arange(15, 0, -1.0))
            for text in queries.texts
        ]
        return collect(queries.ids, [f"d{n}" for n in range(100)], lists)

    empty = collect([], [], [])
    return Contender(name, "lexical", False, rank, empty, {}, 0)


PAIR = contender("near", 0), contender("far", 5)


def numbers(first: int, last: int) -> Texts:
    return Texts([f"q{n}" for n in range(first, last)], [str(n) for n in range(first, last)])


def task(labelled: int = 0) -> Task:
    documents = Texts([f"d{n}" for n in range(100)], ["text"] * 100)
    known = {f"q{n}": {f"d{n}": 1.0} for n in range(labelled)}
    return Task(documents, numbers(0, 60), known, weights=dict.fromkeys(known, 1.0))


def test_what_is_drawn_weighs_one_on_average_and_less_where_it_is_likely() -> None:
    found = label(task(), PAIR, numbers(0, 60), n=20)
    weights = found.weights
    assert len(found.queries) == len(weights) == 20
    assert np.mean(list(weights.values())) == pytest.approx(1)
    odd, even = ({round(weights[q], 9) for q in weights if int(q[1:]) % 2 == n} for n in (1, 0))
    assert len(odd) == len(even) == 1  # odd numbers are those that the two answer differently
    assert max(odd) < min(even)
    assert set(found.how.values()) == {"near, far: 20 of 60, seed 0"}


def test_documents_are_the_first_ten_of_both_in_an_order_that_tells_nothing() -> None:
    found = label(task(), PAIR, numbers(0, 60), n=60)
    assert set(found.weights.values()) == {1.0}
    assert set(found.documents["q3"]) == {f"d{n}" for n in range(3, 18)}
    assert set(found.documents["q4"]) == {f"d{n}" for n in range(4, 14)}
    firsts = [int(shown[0][1:]) - int(query[1:]) for query, shown in found.documents.items()]
    assert len(set(firsts)) > 6


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    one, again, other = (label(task(), PAIR, numbers(0, 60), n=9, seed=s) for s in (1, 1, 2))
    assert one == again
    assert one.queries.ids != other.queries.ids


def test_a_second_draw_stands_for_the_queries_of_both() -> None:
    found = label(task(labelled=10), PAIR, numbers(10, 60), n=20)
    assert found.queries.ids[:10] == [f"q{n}" for n in range(10)]
    assert found.grades["q3"] == {"d3": 1.0}
    assert found.documents["q3"] == ["d3"]
    weights = np.array([found.weights[query] for query in found.queries.ids])
    assert weights.mean() == pytest.approx(1)
    assert weights[:10] == pytest.approx(1 + 20 / 60)
    assert weights[10:].mean() == pytest.approx(50 / 60)


def test_two_draws_after_one_another_are_unbiased_too() -> None:
    rng, found = np.random.default_rng(1), []
    apart, difference = (each[:200] for each in pool(rng))
    for _ in range(1000):
        chances = chances_of(apart, 60)
        first = draw(chances, rng)
        rest = np.setdiff1d(np.arange(200), first)
        later = chances_of(apart[rest], 60)
        second = draw(later, rng)
        one, two = 1 / chances[first], 1 / later[second]
        one, two = one / one.mean() + 60 / 200, two / two.mean() * 140 / 200
        both = difference[np.r_[first, rest[second]]]
        found.append(np.average(both, weights=np.r_[one, two]))
    error = np.std(found) / np.sqrt(1000)
    assert np.mean(found) == pytest.approx(difference.mean(), abs=4 * error)
    assert 4 * error < 0.002


@pytest.mark.parametrize("senseless", [{"n": 0}, {"n": 3, "seed": -1}])
def test_a_senseless_draw_is_refused(senseless) -> None:
    with pytest.raises(OptionError, match="from 0 up"):
        label(task(), PAIR, numbers(0, 60), **senseless)
