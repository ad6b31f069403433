"""Recommendation: contenders, metrics and panels, on histories small enough to reckon by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from tunewise.data.histories import Histories
from tunewise.data.usage import usage_histories
from tunewise.encoders import load_encoder
from tunewise.kinds import KINDS, Setting, load, save
from tunewise.kinds.panels import plain
from tunewise.kinds.recommendation import adapter, content, factors, hybrid, popular, together
from tunewise.kinds.recommendation.catalogue import ranked
from tunewise.kinds.recommendation.part import Part, Question, ask
from tunewise.measurement.of_kind import measure_kind
from tunewise.metrics import pseudo_values
from tunewise.report.of_kind import kind_facts
from tunewise.report.text_of_kind import kind_text
from tunewise.testing import WordHashEncoder

KIND = KINDS["recommendation"]
ENCODER = WordHashEncoder()


def histories(lists: list[list[str]], texts: dict[str, str] | None = None, **more) -> Histories:
    items = sorted({item for own in lists for item in own} | set(texts or {}))
    number = {item: place for place, item in enumerate(items)}
    return Histories(
        users=[f"u{place}" for place in range(len(lists))],
        items=items,
        texts=[(texts or {}).get(item, "") for item in items],
        starts=np.cumsum([0, *map(len, lists)]),
        places=np.array([number[item] for own in lists for item in own]),
        times=np.concatenate([np.arange(float(len(own))) for own in lists]),
        **more,
    )


def setting(found: Histories, level=None) -> Setting:
    parts = KIND.divide(found, 0)

    def reached(answers, part: Part) -> float:
        return KIND.score(answers, part, ["nDCG@10"]).mean("nDCG@10") if len(part) else 0.0

    return Setting(parts.train, parts.dev, [ENCODER], "nDCG@10", level or reached)


def named(contender, question: Question, user: int = 0, most: int = 10) -> list[str]:
    return [item for item, _ in contender.answer(question).best(user, most)]


def topics(users: int = 60, items: int = 60, count: int = 6, step: int = 0) -> Histories:
    """Users of one topic each; with `step`, every item is followed by one of another topic."""
    rng = np.random.default_rng(0)
    texts = {f"i{n:03d}": f"word{n % count}a word{n % count}b only{n}" for n in range(items)}
    lists = []
    for _ in range(users):
        topic, own = int(rng.integers(count)), []
        for _ in range(5):
            fresh = [n for n in range(topic, items, count) if f"i{n:03d}" not in own]
            own.append(f"i{rng.choice(fresh):03d}")
            topic = (topic + step) % count
        lists.append(own)
    return histories(lists, texts)


# Metrics


def part_of(wanted: list[list[int]], items: int, counts: list[int], learners: int) -> Part:
    starts = np.cumsum([0, *map(len, wanted)])
    question = Question(
        [f"u{n}" for n in range(len(wanted))], [f"i{n}" for n in range(items)],
        np.zeros(len(wanted) + 1, dtype=np.int64), np.empty(0, dtype=np.int64),
    )  # fmt: skip
    places = np.array([place for own in wanted for place in own], dtype=np.int64)
    return Part(question, starts, places, [""] * items, np.array(counts), learners)


def test_the_metrics_are_those_worked_by_hand() -> None:
    part = part_of([[2], [0], [3]], 4, [3, 1, 0, 0], 3)
    row, place = np.array([0, 0, 1, 1]), np.array([0, 2, 0, 1])
    answers = ranked(part.question.users, part.question.items, row, place, np.array([2.0, 1, 2, 1]))
    scores = KIND.score(answers, part, KIND.metrics)
    assert scores.of("nDCG@10") == pytest.approx([1 / np.log2(3), 1.0, 0.0])
    assert scores.of("hit rate@10").tolist() == [1.0, 1.0, 0.0]
    assert scores.of("recall@50").tolist() == [1.0, 1.0, 0.0]
    assert scores.mean("coverage") == 0.75  # 0, 1 and 2 of four
    bits = -np.log2((np.array([3, 1, 0, 0]) + 1) / 4)  # 0, 1, 2, 2
    assert scores.of("novelty") == pytest.approx([bits[[0, 2]].mean(), bits[[0, 1]].mean(), 0])
    assert scores.unanswered == 1


def test_ndcg_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((20, 30)) < 0.1
    truth[:, 0] |= ~truth.any(axis=1)
    scored = rng.random((20, 30)).astype(np.float32)
    part = part_of([np.flatnonzero(one).tolist() for one in truth], 30, [1] * 30, 9)
    row, place = np.indices((20, 30)).reshape(2, -1)
    answers = ranked(part.question.users, part.question.items, row, place, scored.ravel())
    ours = KIND.score(answers, part, ["nDCG@10"]).mean("nDCG@10")
    assert ours == pytest.approx(ndcg_score(truth, scored, k=10))


def test_coverage_without_anybody_is_zero_and_its_pseudo_values_average_to_it_nearly() -> None:
    part = part_of([[0], [1], [2]], 4, [1] * 4, 3)
    row, place = np.array([0, 1, 2, 2]), np.array([0, 0, 0, 1])
    answers = ranked(part.question.users, part.question.items, row, place, np.ones(4))
    scores = KIND.score(answers, part, ["coverage"])
    statistic = scores.statistics["coverage"]
    assert statistic(np.zeros(3)) == 0.0
    assert statistic(np.array([5.0, 1.0, 0.0])) == 0.25
    assert scores.of("coverage").tolist() == pseudo_values(statistic, 3).tolist()


def test_users_with_the_same_history_and_wish_are_one_group() -> None:
    found = histories([["a", "b", "c", "d"], ["a", "b", "c", "d"], ["a", "b", "c", "e"]])
    groups = KIND.groups(KIND.divide(found, 0).test)
    assert groups[0] == groups[1] != groups[2]


# Contenders


def test_popular_names_what_most_chose_and_nothing_twice() -> None:
    found = histories([["a", "b", "x", "y"], ["a", "b", "x", "y"], ["a", "c", "x", "y"]])
    one = popular.fit(setting(found), [])[0]
    assert named(one, ask({"new": []})) == ["a", "b", "c"]
    assert named(one, ask({"new": ["a"]})) == ["b", "c"]


def test_together_is_the_cosine_of_who_chose_what() -> None:
    lists = [["a", "b"], ["a", "b"], ["a", "c"], ["c", "d"], ["b"]]
    found = histories([[*own, "y", "z"] if len(own) > 1 else own for own in lists])
    one = together.fit(setting(found, lambda answers, part: 0.0), [])[0]
    near = one.arrays["near_starts"], one.arrays["near"], one.arrays["cosines"]
    items = list(setting(found).train.question.items)
    a = slice(near[0][items.index("a")], near[0][items.index("a") + 1])
    told = {items[place]: value for place, value in zip(near[1][a], near[2][a], strict=True)}
    # a was chosen by three, b by three (two of them the same), c by two (one the same)
    assert told == pytest.approx({"b": 2 / 3, "c": 1 / np.sqrt(6)})
    assert named(one, ask({"new": ["a"]}))[:2] == ["b", "c"]


def test_factors_score_as_the_singular_value_decomposition_does() -> None:
    asked = setting(topics(items=36), lambda answers, part: 0.0)
    one = factors.fit(asked, [])[0]
    rank = one.settings["rank"]
    train = asked.train.question
    chosen = np.zeros((len(train), 36))
    chosen[np.repeat(np.arange(len(train)), np.diff(train.starts)), train.places] = 1
    right = np.linalg.svd(chosen, full_matrices=False)[2][:rank]
    item = train.items[3]
    expected = right.T @ right[:, 3]
    for other, score in one.answer(ask({"new": [item]})).best(0, 5):
        assert score == pytest.approx(expected[train.items.index(other)], abs=1e-3)


def test_content_names_what_is_like_what_was_had_even_if_nobody_chose_it() -> None:
    texts = {"a": "red apple", "b": "blue sky", "c": "red apple tart", "d": "blue sky above"}
    one = content.fit(setting(histories([["a", "b"]] * 3, texts)), [])[0]
    assert one.plain
    assert named(one, ask({"new": ["a"]}))[0] == "c"
    assert named(one, ask({"new": ["b"]}))[0] == "d"


def test_without_texts_only_behaviour_is_left() -> None:
    found = setting(histories([["a", "b", "c"]] * 4))
    assert content.fit(found, []) == [] == adapter.fit(found, [])
    assert hybrid.fit(found, popular.fit(found, [])) == []


def test_what_was_had_is_named_only_where_that_is_asked_for() -> None:
    found = topics()
    had = ask({"new": ["i000", "i006", "i012"]})
    for again in (False, True):
        asked = setting(replace(found, again=again))
        for family in (popular, together, factors, content):
            one = family.fit(asked, [])[0]
            assert bool(set(named(one, had, most=200)) & set(had.items)) == again


def test_at_most_two_hundred_are_named_best_first() -> None:
    asked = setting(topics(items=600))
    answers = content.fit(asked, [])[0].answer(asked.dev.question)
    assert set(np.diff(answers.starts).tolist()) == {200}
    assert all(np.all(np.diff(scores) <= 0) for _, scores in answers)


def test_a_user_known_at_fit_needs_no_history_and_an_unknown_item_is_passed_over() -> None:
    asked = setting(topics())
    one = together.fit(asked, [])[0]
    user = asked.train.question.users[4]
    begin, end = asked.train.question.starts[4:6]
    had = [asked.train.question.items[p] for p in asked.train.question.places[begin:end]]
    assert named(one, ask({user: []})) == named(one, ask({"new": had}))
    assert named(one, ask({"new": [*had, "never seen"]})) == named(one, ask({"new": had}))
    fresh = content.fit(asked, [])[0].answer(ask({"nobody": []}))
    assert len(fresh.documents) == 0


def test_a_hybrid_is_at_least_as_good_on_dev_as_chance_between_its_parts() -> None:
    asked = setting(topics())
    earlier = [family.fit(asked, [])[0] for family in (popular, together, content)]
    one = hybrid.fit(asked, earlier)[0]
    levels = [asked.level(each.answer(asked.dev.question), asked.dev) for each in (one, *earlier)]
    assert levels[0] >= np.mean(levels[1:])
    assert one.settings["behaviour"] in ("popular", "together")


@pytest.mark.slow
def test_an_adapter_that_dev_does_not_like_is_content_and_says_so() -> None:
    asked = setting(topics(users=30), lambda answers, part: 0.5)
    base = content.fit(asked, [])[0]
    one, both = adapter.fit(asked, [*popular.fit(asked, []), base])
    assert (one.same_as, both.same_as) == ("content", "hybrid")
    mixed = hybrid.fit(asked, [*popular.fit(asked, []), base])[0]
    for tuned, plain_one in ((one, base), (both, mixed)):
        first, second = (each.answer(asked.dev.question) for each in (tuned, plain_one))
        assert np.array_equal(first.documents, second.documents)
        assert np.array_equal(first.scores, second.scores)


def test_an_adapter_finds_what_follows_where_that_is_not_what_is_alike() -> None:
    asked = setting(topics(users=150, items=100, count=10, step=3))
    base = content.fit(asked, [])[0]
    one = adapter.fit(asked, [])[0]
    assert one.same_as is None
    levels = [asked.level(each.answer(asked.dev.question), asked.dev) for each in (one, base)]
    assert levels[0] > levels[1] + 0.1
    found = named(one, ask({"new": ["i000"]}))
    assert [int(item[1:]) % 10 for item in found].count(3) > 7  # of topic 0, topic 3 follows


@pytest.mark.slow
def test_every_contender_answers_alike_when_it_is_loaded(tmp_path: Path) -> None:
    levels = iter([*np.linspace(0, 1, 200), *np.zeros(1000)])
    asked = setting(topics(), lambda answers, part: next(levels))
    fitted = []
    for family in KIND.table.values():
        fitted += family.fit(asked, fitted)
    question = ask({"u3": [], "new": ["i004", "i010"], "other": ["i050"]})
    words = [word for word in KIND.table if word != "profile"]  # nothing is said of users
    assert [one.name for one in fitted] == [*words, "adapter-hybrid"]
    assert "had" in fitted[-1].parts["content"].arrays
    for one in fitted:
        save(KIND, one, tmp_path / one.name)
        found = load(KINDS, tmp_path / one.name).contender
        assert (found.name, found.family, found.tuned) == (one.name, one.family, one.tuned)
        first, second = one.answer(question), found.answer(question)
        assert list(first.document_ids) == list(second.document_ids)
        for name in ("starts", "documents", "scores"):
            assert np.array_equal(getattr(first, name), getattr(second, name)), one.name


# The contest


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))


def test_the_panels_are_plain_and_show_cold_items_apart(own_cache) -> None:
    verdict = measure_kind(topics(), KIND, encoders=[ENCODER], contenders=["popular", "content"])
    panels = KIND.panels(verdict.shown)
    assert [panel.title for panel in panels] == [
        "What some users are shown", "Cold items", "How popular what is recommended is",
    ]  # fmt: skip
    json.dumps([plain(panel) for panel in panels])
    users, had, named, chosen = map(list, zip(*panels[0].rows, strict=True))
    assert len([user for user in users if user]) == 3
    last = verdict.shown.judged.question
    assert had[0] == verdict.shown.judged.texts[last.places[last.starts[1] - 1]]  # the latest
    assert {name.removesuffix(" ✓") for name in named if name.endswith("✓")} <= set(chosen)
    cold, part = {row[0]: row[1:] for row in panels[1].rows}, verdict.shown.judged
    ours = np.mean(part.counts[part.wanted] < 5)
    for name, (ndcg, *_, others) in cold.items():
        assert ours * ndcg + (1 - ours) * others == pytest.approx(
            verdict.shown.scores[name].mean("nDCG@10"), abs=1e-3
        )


def test_a_wish_for_the_text_of_what_was_had_is_told_apart(own_cache) -> None:
    texts = {"a": "red", "b": "blue", "c": "green", "a2": "Red ", "d": "black"}
    found = histories([["a", "b", "c", "a2"], ["b", "c", "a", "d"], ["c", "b", "a", "d"]], texts)
    verdict = measure_kind(found, KIND, encoders=[ENCODER], contenders=["popular", "content"])
    table = next(p for p in KIND.panels(verdict.shown) if p.title.startswith("Without"))
    assert "1 of 3 users" in table.caption
    assert {row[0] for row in table.rows} == {"popular", "content"}


@pytest.mark.slow
def test_tuning_pays_where_what_follows_is_not_what_is_alike(own_cache) -> None:
    found = topics(users=300, items=300, count=10, step=3)
    words = ["popular", "together", "content", "hybrid", "adapter"]
    verdict = measure_kind(found, KIND, encoders=[ENCODER], contenders=words)
    assert verdict.answer == "tune"
    assert verdict.contender.name.startswith("adapter")
    told = " ".join(kind_text(kind_facts(verdict)).split())
    assert " Users: By its learning curve adapter" in told
    assert "times the users" in told
    assert "labels" not in told  # nobody has to give any


@pytest.mark.slow
def test_what_modules_use_is_better_foreseen_by_what_goes_together_than_by_likeness() -> None:
    found = KIND.divide(usage_histories(["networkx"], limit=150), 0)
    asked = Setting(found.train, found.dev, [load_encoder()], "nDCG@10", lambda answers, part: 0.0)
    scores = {
        family: KIND.score(
            KIND.table[family].fit(asked, [])[0].answer(found.test.question),
            found.test,
            ["nDCG@10"],
        ).mean("nDCG@10")
        for family in ("together", "content")
    }
    assert scores["together"] > scores["content"] > 0.03
