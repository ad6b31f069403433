"""The rule of the answer, on scores made by hand."""

import numpy as np
import pytest

from tunewise.errors import OptionError
from tunewise.metrics import Scores
from tunewise.verdict import Standing, decide

UNITS = 200
GROUPS = [str(number) for number in range(UNITS)]


def standing(name, scores, *, tuned=False, dev=None, plain=False):
    values = np.asarray(scores, dtype=float)
    made = Scores(GROUPS, {"nDCG@10": values}, 0, 0, {10: np.zeros(UNITS)}, {})
    dev = float(values.mean()) if dev is None else dev
    rung = "adapter" if tuned else None
    return Standing(name, tuned, dev, made, rung=rung, plain=plain)


def around(mean, *, spread=0.05, seed=0):
    """Scores with this mean exactly and this deviation, roughly."""
    noise = np.random.default_rng(seed).normal(0, spread, UNITS)
    return mean + noise - noise.mean()


def answer(*standings, worth=0.02, target=None):
    return decide(standings, GROUPS, metric="nDCG@10", worth=worth, target=target)


PLAIN = standing("pretrained", around(0.5), plain=True)


def test_a_sure_gain_as_large_as_worth_having_says_tune():
    found = answer(PLAIN, standing("adapter-query", around(0.6, seed=1), tuned=True))
    assert found.answer == "tune"
    assert found.contender == "adapter-query"
    assert found.rung == "adapter"
    assert found.gain.difference == pytest.approx(0.1)


def test_a_sure_gain_that_is_not_worth_having_does_not_say_tune():
    tuned = standing("adapter-query", PLAIN.scores.values["nDCG@10"] + 0.01, tuned=True)
    found = answer(PLAIN, tuned)
    assert found.answer == "suffices"
    assert found.contender == "pretrained"


def test_an_answer_without_some_rung_says_only_what_was_measured():
    tuned = standing("adapter-query", PLAIN.scores.values["nDCG@10"] + 0.01, tuned=True)
    rule = {"metric": "nDCG@10", "worth": 0.02}
    whole = decide([PLAIN, tuned], GROUPS, **rule)
    part_ = decide([PLAIN, tuned], GROUPS, **rule, unmeasured=["partial", "full"])
    assert whole.answer == part_.answer == "suffices"
    assert "tuning adds less" in whole.sentence
    assert not any("not measured" in reason for reason in whole.reasons)
    assert "adapter-query adds less" in part_.sentence
    assert part_.sentence.endswith("; partial and full were not measured.")
    assert "partial and full were not measured, and may still bring more." in part_.reasons


def test_why_the_answer_does_not_name_what_is_to_be_used_is_said():
    base = PLAIN.scores.values["nDCG@10"]
    hybrid = standing("hybrid", base + 0.01)
    found = answer(PLAIN, hybrid, standing("adapter-query", base + 0.011, tuned=True), worth=0.015)
    assert (found.answer, found.contender) == ("suffices", "pretrained")
    small = answer(PLAIN, hybrid, standing("adapter-query", base + 0.011, tuned=True), worth=0.005)
    assert small.answer == "suffices with hybrid"
    swing = standing("hybrid", base + 0.01 + np.tile([0.4, -0.4], UNITS // 2))
    unsure = answer(PLAIN, swing, standing("adapter-query", base - 0.2, tuned=True))
    assert (unsure.answer, unsure.contender) == ("suffices", "hybrid")
    (why,) = [reason for reason in unsure.reasons if "not 'suffices with hybrid'" in reason]
    assert "over the plain encoder, pretrained, it brings +0.010 [" in why


def test_tuning_recommends_the_cheapest_that_falls_short_by_less_than_worth():
    best = around(0.6, seed=1)
    found = answer(
        PLAIN,
        standing("adapter-query", best - 0.005, tuned=True),
        standing("adapter-both", best, tuned=True),
    )
    assert found.best_tuned == "adapter-both"
    assert found.contender == "adapter-query"


def test_a_cheaper_tuned_contender_must_pay_by_itself():
    base = around(0.5)
    found = answer(
        standing("pretrained", base, plain=True),
        standing("adapter-query", base + 0.015, tuned=True),
        standing("adapter-both", base + 0.03, tuned=True),
    )
    assert found.contender == "adapter-both"


def test_an_untuned_change_that_pays_is_named():
    better = around(0.6, seed=1)
    found = answer(
        PLAIN,
        standing("hybrid", better),
        standing("adapter-query-hybrid", better + 0.001, tuned=True),
    )
    assert found.answer == "suffices with hybrid"
    assert found.contender == "hybrid"
    assert found.best_untuned == "hybrid"


def test_an_untuned_contender_that_dev_misjudged_takes_the_gain_away():
    good = around(0.6, seed=1)
    found = answer(
        standing("lexical", good, dev=0.55),
        PLAIN,
        standing("hybrid", good - 0.03, dev=0.56),
        standing("adapter-both-hybrid", good + 0.004, tuned=True),
    )
    assert found.answer == "suffices with lexical"
    assert found.best_untuned == "lexical"
    assert found.gain.difference == pytest.approx(0.004)


def test_a_gain_over_most_untuned_contenders_is_not_one_over_all():
    tuned = around(0.6, spread=0.01, seed=7)
    noisy = tuned - 0.09 + np.tile([0.65, -0.65], UNITS // 2)
    found = answer(
        standing("lexical", tuned - 0.03, dev=0.9),
        standing("pretrained", noisy, plain=True, dev=0.1),
        standing("adapter-query", tuned, tuned=True),
    )
    assert found.against["adapter-query"].second == pytest.approx(0.51)  # pretrained
    assert found.answer == "cannot tell yet"


def test_a_tuned_contender_that_dev_passed_over_is_told_of_only_if_it_did_better():
    base = PLAIN.scores.values["nDCG@10"]
    chosen = standing("adapter-query", base + 0.001, tuned=True, dev=0.9)
    wider = base - 0.01 + np.tile([0.4, -0.4], UNITS // 2)  # worse, but reaches past 0.02
    better = base + 0.015 + np.tile([0.1, -0.1], UNITS // 2)
    worse = answer(PLAIN, chosen, standing("adapter-both", wider, tuned=True, dev=0.1))
    lucky = answer(PLAIN, chosen, standing("adapter-both", better, tuned=True, dev=0.1))
    assert worse.answer == lucky.answer == "suffices"
    assert not any("did better on test" in reason for reason in worse.reasons)
    assert any("adapter-both did better on test" in reason for reason in lucky.reasons)


def test_what_suffices_is_not_surely_worse_than_something_cheaper():
    words = around(0.63, seed=1)
    found = answer(
        standing("lexical", words, dev=0.5),
        PLAIN,
        standing("hybrid", words - 0.03, dev=0.6),
        standing("adapter-query-hybrid", words - 0.03, tuned=True),
    )
    assert found.answer == "suffices with lexical"


def test_of_two_changes_that_suffice_the_cheaper_is_named():
    words = around(0.63, seed=1)
    found = answer(
        standing("lexical", words),
        PLAIN,
        standing("hybrid", words + 0.002),
        standing("adapter-query-hybrid", words + 0.003, tuned=True),
    )
    assert found.contender == "lexical"
    assert found.answer == "suffices with lexical"


def test_words_alone_are_an_untuned_change_too():
    found = answer(
        standing("lexical", around(0.7, seed=3)),
        PLAIN,
        standing("adapter-query", around(0.5, seed=2), tuned=True),
    )
    assert found.answer == "suffices with lexical"


def test_identical_contenders_have_a_gain_of_exactly_nothing():
    found = answer(PLAIN, standing("adapter-query", PLAIN.scores.values["nDCG@10"], tuned=True))
    assert (found.gain.low, found.gain.difference, found.gain.high) == (0, 0, 0)
    assert found.answer == "suffices"


def test_a_wide_interval_cannot_tell_and_says_how_many_queries_would():
    wide = standing("adapter-query", around(0.53, spread=0.4, seed=5), tuned=True)
    found = answer(PLAIN, wide)
    assert found.answer == "cannot tell yet"
    assert found.needed.queries > UNITS
    assert found.needed.more == found.needed.queries - UNITS
    assert f"{found.needed.more:,}" in found.sentence


def test_a_small_sure_gain_next_to_what_is_worth_having_needs_no_more_queries():
    base = PLAIN.scores.values["nDCG@10"]
    steps = np.tile([0.06, -0.03], UNITS // 2) + 0.003
    found = answer(PLAIN, standing("adapter-query", base + steps, tuned=True))
    assert found.answer == "cannot tell yet"
    assert found.gain.low > 0
    assert found.needed.queries is None
    assert found.needed.more is None


@pytest.mark.parametrize(("mean", "meanwhile"), [(0.56, "adapter-query"), (0.53, "pretrained")])
def test_in_doubt_the_better_bet_is_named(mean, meanwhile):
    found = answer(PLAIN, standing("adapter-query", around(mean, spread=0.5, seed=5), tuned=True))
    assert found.answer == "cannot tell yet"
    assert found.contender == meanwhile
    assert meanwhile in found.reasons[0]


def test_in_doubt_a_gain_over_some_untuned_contenders_is_no_better_bet():
    found = answer(
        standing("lexical", around(0.525, spread=0.4, seed=7), dev=0.4),
        PLAIN,
        standing("adapter-query", around(0.53, spread=0.4, seed=5), tuned=True),
    )
    assert found.answer == "cannot tell yet"
    assert found.contender == "lexical"


def differing_in(queries, by):
    values = PLAIN.scores.values["nDCG@10"].copy()
    values[:queries] += by
    return standing("adapter-query", values, tuned=True, dev=1.0)


def test_too_few_differing_queries_are_no_ground_for_an_answer():
    found = answer(PLAIN, differing_in(3, 0.1))
    assert found.answer == "cannot tell yet"
    assert "Only 3 of 200" in found.needed.why
    # ten of them come with 80 % where 13 are expected (Poisson tables): 13 · 200 / 3
    assert found.needed.queries == 867


def test_no_differing_query_among_few_is_no_proof_that_none_will():
    groups = GROUPS[:40]
    few = [
        Standing("pretrained", False, 0.5, part(PLAIN, 40), plain=True),
        Standing("adapter-query", True, 0.5, part(PLAIN, 40)),
    ]
    found = decide(few, groups, metric="nDCG@10", worth=0.02)
    assert (found.gain.low, found.gain.high) == (0, 0)
    assert found.answer == "cannot tell yet"
    assert found.needed.queries == 184  # 3.69 / 0.02: the rule of three, with 97.5 %
    assert "nothing" in found.needed.why


def test_what_tuning_gave_back_suffices_however_few_the_queries():
    groups, base = GROUPS[:12], part(PLAIN, 12)
    given_back = Standing("adapter-query", True, 0.5, base, same_as="pretrained")
    standings = [Standing("pretrained", False, 0.5, base, plain=True), given_back]
    found = decide(standings, groups, metric="nDCG@10", worth=0.02)
    assert (found.answer, found.contender) == ("suffices", "pretrained")
    assert "that contender itself" in found.reasons[0]


def test_what_is_the_same_once_but_not_in_every_training_is_not_taken_for_the_same():
    groups, base = GROUPS[:12], part(PLAIN, 12)
    other = part(standing("again", around(0.8)), 12)
    given_back = Standing(
        "adapter-query", True, 0.5, base, same_as="pretrained", repeats=(other, other)
    )
    standings = [Standing("pretrained", False, 0.5, base, plain=True), given_back]
    found = decide(standings, groups, metric="nDCG@10", worth=0.02)
    assert found.answer == "cannot tell yet"


def test_a_tuned_contender_that_is_another_untuned_one_is_not_credited_with_its_gain():
    groups, base = GROUPS[:12], part(PLAIN, 12)
    unlike = np.where(np.arange(len(GROUPS)) % 2, 0.4, 0.7)
    other = part(standing("kmeans", unlike), 12)
    standings = [
        Standing("hybrid", False, 0.6, base, plain=True),
        Standing("kmeans", False, 0.5, other),
        Standing("adapter", True, 0.5, other, same_as="kmeans"),
    ]
    found = decide(standings, groups, metric="nDCG@10", worth=0.02)
    assert found.answer == "cannot tell yet"
    assert found.reasons[0].startswith("Dev liked nothing that adapter learned, so it is kmeans")


def part(whole, units):
    values = whole.scores.values["nDCG@10"][:units]
    return Scores(GROUPS[:units], {"nDCG@10": values}, 0, 0, {10: np.zeros(units)}, {})


def test_few_differing_queries_suffice_when_even_so_nothing_worth_having_is_left():
    assert decide(
        [PLAIN, differing_in(3, 0.1)], GROUPS, metric="nDCG@10", worth=0.05
    ).answer == "suffices"  # fmt: skip


def test_what_is_best_is_chosen_on_dev_not_on_test():
    lucky = standing("adapter-both", around(0.7, seed=1), tuned=True, dev=0.1)
    chosen = standing("adapter-query", around(0.5, seed=2), tuned=True, dev=0.6)
    assert answer(PLAIN, chosen, lucky).best_tuned == "adapter-query"


def test_without_a_tuned_contender_nothing_can_be_told_of_tuning():
    found = answer(PLAIN)
    assert found.answer == "cannot tell yet"
    assert found.gain is None
    assert "no tuned contender" in found.sentence


def test_without_a_tuned_contender_a_target_of_ones_own_can_be_met():
    assert answer(PLAIN, target=0.4).answer == "suffices"
    assert answer(PLAIN, target=0.6).answer == "cannot tell yet"


@pytest.mark.parametrize(("level", "met"), [(0.4, True), (0.6, False), (0.5, None)])
def test_a_target_is_met_missed_or_within_the_interval(level, met):
    found = answer(PLAIN, target=level)
    assert found.target.met is met
    assert found.target.yours


def test_the_usual_mark_stands_in_for_a_target():
    found = answer(PLAIN)
    assert found.target.value == 0.75
    assert not found.target.yours


def test_every_contender_is_held_against_the_best_untuned():
    hybrid = standing("hybrid", around(0.6, seed=1))
    found = answer(PLAIN, hybrid, standing("adapter-query", around(0.61, seed=2), tuned=True))
    assert set(found.against) == {"pretrained", "adapter-query"}
    assert found.against["pretrained"].difference == pytest.approx(-0.1)


def test_a_contest_without_anything_untuned_is_refused():
    with pytest.raises(OptionError, match="untuned"):
        answer(standing("adapter-query", around(0.6), tuned=True))


def test_six_right_answers_of_six_are_no_proof_of_a_level():
    groups = GROUPS[:6]
    perfect = Scores(groups, {"nDCG@10": np.ones(6)}, 0, 0, {10: np.zeros(6)}, {})
    found = decide(
        [Standing("pretrained", False, 1.0, perfect, plain=True)],
        groups, metric="nDCG@10", worth=0.02, target=0.99,
    )  # fmt: skip
    assert found.answer == "cannot tell yet"
    assert found.target.met is None
    assert found.target.score.low < 0.5


def test_a_gain_too_small_for_three_decimals_keeps_its_sign_and_shows_its_size():
    values = PLAIN.scores.values["nDCG@10"]
    told = answer(PLAIN, standing("adapter-query", values - 0.00034, tuned=True)).reasons[0]
    assert "-0.0003 [-0.0003, -0.0003]" in told
    assert "0.000 " not in told
