"""The replication study's analysis, on cells whose answers are known beforehand."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

STUDY = Path(__file__).parents[1] / "benchmarks" / "replication"
QUERIES = 200
HALVES = np.arange(QUERIES) % 2
NOISE = np.random.default_rng(0).uniform(-0.15, 0.15, QUERIES)


@pytest.fixture(scope="module", autouse=True)
def study():
    """The study's files, which import each other by plain name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        return importlib.import_module("study")


def line(gain, *, task="made-up", draw=0, size="all", time=0, train=500, groups=None):
    """A result line: tuning gains `gain`, a number or one for each query, over 0.5 ± noise."""
    from cells import packed

    base, tuned = 0.5 + NOISE, 0.5 + NOISE + np.broadcast_to(gain, QUERIES)
    told = {"pretrained": base, "hybrid": base, "adapter-query": tuned}
    contenders = [
        {
            "name": name,
            "tuned": name.startswith("adapter"),
            "rung": "adapter" if name.startswith("adapter") else None,
            "plain": name == "pretrained",
            "dev": float(values.mean()),
            "scores": packed(np.round(values * 65_535)),
        }
        for name, values in told.items()
    ]
    key = {"task": task, "draw": draw, "size": size, "time": time, "deep": False}
    groups = np.arange(QUERIES) if groups is None else groups
    rest = {"train": train, "dev": 50, "groups": packed(groups), "halves": packed(HALVES)}
    return json.dumps({**key, **rest, "contenders": contenders})


def few_line(gain, of_pool, *, queries=40, size="few 40"):
    """A result line of few queries in folds: tuning gains `gain` of them, `of_pool` of the pool."""
    from cells import packed

    def scores(name, values):
        tuned = name.startswith("adapter")
        return packed(np.round((0.5 + NOISE[: len(values)] + values * tuned) * 65_535))

    own, pool = (np.broadcast_to(one, n) for one, n in ((gain, queries), (of_pool, QUERIES)))
    contenders = [
        {
            "name": name,
            "tuned": name.startswith("adapter"),
            "rung": None,
            "plain": name == "pretrained",
            "dev": 0.5,
            "scores": scores(name, own),
            "pool": scores(name, pool),
        }
        for name in ("lexical", "pretrained", "hybrid", "adapter-query")
    ]
    key = {"task": "made-up", "draw": 0, "size": size, "time": 0, "deep": False}
    groups = {"groups": packed(np.arange(queries)), "pool": {"groups": packed(np.arange(QUERIES))}}
    return json.dumps({**key, **groups, "contenders": contenders})


def cell(gain, **options):
    from kept import read

    return read(line(gain, **options))


def outcomes(gain, **options):
    from rules import outcomes

    return list(outcomes(cell(gain, **options)))


def varied(gain, spread=0.1, seed=1):
    """Gains of this mean, as far as they go, that differ from query to query."""
    noise = np.random.default_rng(seed).uniform(-spread, spread, QUERIES)
    return gain + noise - noise.mean()


def test_a_true_gain_is_tuned_for_and_leaves_nothing_to_regret():
    *few, whole = outcomes(varied(0.1))
    assert whole.answer == "tune"
    assert whole.contender == "adapter-query"
    assert whole.promised + whole.proof.mean == pytest.approx(0.2, abs=1e-4)
    assert {one.regret["tunewise"] for one in [*few, whole]} == {0.0}
    assert whole.regret["never tune"] == pytest.approx(whole.proof.mean)
    assert whole.regret_of_pool["never tune"] == pytest.approx(0.1, abs=1e-4)
    assert whole.regret_of_pool["tune if it gains 0.005"] == 0.0
    assert whole.regret_of_pool["tune from 1,000 pairs"] == pytest.approx(0.1, abs=1e-4)


def test_contenders_that_answer_alike_are_never_tuned_for():
    import tables

    found = outcomes(0.0)
    assert not any(one.answer == "tune" for one in found)
    assert {one.answer for one in found} == {"suffices"}  # tuning gave its base back
    assert tables.answers(found).splitlines()[-1].endswith("| 0.0 % | 0.0 % |")


def test_what_tuning_costs_is_charged_to_it_alone():
    whole = outcomes(varied(0.005))[-1]
    gain = whole.proof.mean
    assert whole.regret["always tune"] == 0.0
    assert whole.regret_at_price["always tune"] == pytest.approx(0.02 - gain)
    assert whole.regret_at_price["never tune"] == 0.0


def test_in_doubt_other_rules_may_decide_but_not_where_the_product_could_tell():
    doubted = outcomes(varied(0.03, spread=0.3))
    rule = "tunewise, in doubt: untuned"
    seen = [one for one in doubted if one.answer == "cannot tell yet"]
    assert seen
    for one in seen:
        as_if = "always tune" if one.promised >= 0.02 else "best untuned on dev"
        assert one.regret["tunewise"] == one.regret[as_if]
        assert one.regret[rule] == one.regret["best untuned on dev"]
    sure = outcomes(varied(-0.1))[-1]
    assert sure.answer == "suffices"
    assert sure.regret[rule] == sure.regret["tunewise"] == 0.0


def test_the_best_of_dev_and_test_weighs_them_by_their_queries():
    from rules import Means, all_seen

    made = cell(0.1)  # on 50 dev queries, tuning gains 0.1; it is charged 0.02
    base = made.named("pretrained").dev
    level = {"pretrained": base, "hybrid": base}
    assert all_seen(made, Means({**level, "adapter-query": base - 0.05}, 40)) == "adapter-query"
    assert all_seen(made, Means({**level, "adapter-query": base - 0.05}, 60)) == "pretrained"


def test_a_gain_that_the_other_half_does_not_show_counts_as_wrong():
    import tables

    found = outcomes(np.where(HALVES == 0, 0.1, -0.1) + varied(0.0))
    assert found[-1].answer == "tune"
    assert found[-1].regret["tunewise"] == pytest.approx(0.1, abs=0.02)
    row = tables.wrong(found, tune=True, below=0.0).splitlines()[-1].split(" | ")
    assert row[4] == "100.0 %"  # wrong
    assert row[8] == "100.0 %"  # surely: the whole interval lies below 0


def test_a_missed_gain_is_told_from_one_rightly_passed_over():
    import tables

    missed = outcomes(np.where(HALVES == 0, 0.0, 0.1) + varied(0.0, spread=0.01))[-1]
    right = outcomes(varied(0.0, spread=0.01))[-1]
    assert missed.answer == right.answer == "suffices"
    row = tables.wrong([missed, right], tune=False, below=0.02).splitlines()[-1].split(" | ")
    assert row[4] == row[8] == "50.0 %"


def test_decisions_are_reached_on_whole_groups_of_one_half():
    from rules import some

    of_fives = cell(0.1, groups=np.arange(QUERIES) // 10 * 2 + HALVES)
    half = np.flatnonzero(of_fives.halves == 0)
    rows = some(of_fives, half, 12, [0])
    assert len(rows) == 15
    assert set(of_fives.halves[rows]) == {0}
    assert set(np.bincount(of_fives.groups[rows])) == {0, 5}


def test_intervals_hold_the_mean_of_the_pool_that_stands_for_the_world():
    from intervals import coverage

    found = {(one.pair, one.queries): one.samples for one in coverage(cell(varied(0.1)))}
    samples = [s for queries in (20, 40, 80, 150, 300) for s in
               found["adapter-query − pretrained", queries]]  # fmt: skip
    assert len(samples) == 100
    assert sum(sample.side == 0 for sample in samples) >= 88
    assert samples[0].width > samples[-1].width
    assert found["hybrid − pretrained", 20] == ()  # they answer alike: nothing to estimate


def test_the_error_of_a_mean_counts_tasks_not_decisions():
    import tables

    assert tables.mean([0, 0, 1, 1], ["a", "a", "b", "b"]) == (0.5, 0.5)


def test_what_was_not_told_is_sorted_by_what_was_said_to_settle_it():
    import tables

    found = outcomes(varied(0.03, spread=0.3))
    assert [one.answer for one in found[:3]] == ["cannot tell yet"] * 3
    rows = [row.split(" | ") for row in tables.later(found).splitlines()[2:]]
    assert sum(int(row[2]) for row in rows) == 3
    assert {row[1] for row in rows} == {"more are needed"}


def test_curves_hold_what_tuning_gains_at_each_part_of_the_training_queries():
    from kept import curves

    parts = [cell(0.02, size="1/4", time=time, train=125) for time in (1, 0)]
    parts += [cell(0.03, size="1/2", train=250), cell(0.01, size="50", train=50)]
    other = cell(0.02, size="1/2", task="without all", train=250)
    (curve,) = curves([*parts, cell(0.04), other])
    assert [(point.train, point.time) for point in curve.points] == [(125, 0), (125, 1), (250, 0)]
    assert curve.points[-1].gains.mean() == pytest.approx(0.03, abs=1e-4)
    assert curve.truth.gains.mean() == pytest.approx(0.04, abs=1e-4)
    assert len(curve.groups) == QUERIES


def test_every_point_of_a_curve_is_held_against_the_same_untuned_contender():
    from kept import curves

    told = json.loads(line(0.02, size="1/2", train=250))
    told["contenders"][1].update(dev=1.0, scores=told["contenders"][2]["scores"])  # hybrid
    part = json.dumps(told)
    (curve,) = curves([read_cell(part), cell(0.04)])
    assert curve.points[0].gains.mean() == pytest.approx(0.02, abs=1e-4)


def read_cell(text):
    from kept import read

    return read(text)


def test_a_forecast_is_held_against_what_more_training_brought():
    from foretold import foretold
    from kept import curves

    sizes = {"1/16": 31, "1/8": 63, "1/4": 125, "1/2": 250, "all": 500}
    parts = [
        cell(varied(0.01 * np.log2(train / 16)), size=size, train=train, time=time)
        for size, train in sizes.items()
        for time in ((0, 1) if size != "all" else (0,))
    ]
    found = {(one.seen, one.times): one for one in foretold(curves(parts))}
    assert set(found) == {("1/2", 2), ("1/4", 2), ("1/4", 4)}
    ahead = found["1/4", 4]
    assert ahead.truth - ahead.last == pytest.approx(0.02, abs=1e-3)
    assert all(one.holds for one in found.values())
    assert abs(ahead.middle - ahead.truth) < abs(ahead.last - ahead.truth)
    assert sum(1 for _ in foretold(curves(parts))) == 4  # two trainings on half of it


def test_folds_of_few_queries_are_held_against_the_pool(study):
    spread = varied(0.0)
    true = study.examined(few_line(0.1 + spread[:40], 0.1 + spread)).few
    assert (true.answer, true.queries) == ("tune", 40)
    assert true.gain == pytest.approx(0.1, abs=1e-4)
    gain, change, untaught = true.held
    assert gain.differing == 40
    assert (gain.side, gain.plain) == (0, True)
    for level in (change, untaught):
        assert (level.mean, level.pool, level.differing, level.side) == (0, 0, 0, 0)
    false = study.examined(few_line(0.1 + spread[:40], -0.1 + spread)).few
    assert false.answer == "tune"
    assert false.gain == pytest.approx(-0.1, abs=1e-4)
    assert false.held[0].side == 1
    told = study.tables.folds_answers([true, false]).splitlines()[-1]
    assert told.endswith("| 2 | +0.000 | 1 | 1 |")


def test_a_pool_that_is_itself_unsure_widens_the_interval_that_must_hold_it():
    from few import Held

    sure = Held("pair", 0.0, -0.1, 0.1, pool=0.15, error=0.0, differing=20)
    unsure = Held("pair", 0.0, -0.1, 0.1, pool=0.15, error=0.1, differing=20)
    assert (sure.side, unsure.side) == (-1, 0)
    assert not unsure.plain


def test_folds_and_points_of_curves_are_not_among_the_decisions(study):
    folds = study.examined(few_line(varied(0.1)[:40], varied(0.1)))
    assert folds.outcomes == folds.covered == ()
    assert study.examined(line(varied(0.1), size="1/2")) == study.Found()
    assert len(study.examined(line(varied(0.1))).outcomes) == 4


def test_the_study_says_what_is_missing_and_remembers_what_it_computed(
    study, tmp_path, monkeypatch, capsys
):
    results, cache = tmp_path / "results", tmp_path / "cache"
    results.mkdir()
    small = {"task": "made-up", "draw": 0, "size": "1000", "time": 0, "deep": False}
    lines = [line(varied(0.1), task="cranfield"), line(0.0, task="covidqa"), json.dumps(small)]
    lines += [few_line(varied(0.1)[:40], varied(0.1))]
    lines += [
        line(varied(0.02), task="cranfield", size=size, train=train)
        for size, train in (("1/16", 31), ("1/8", 62), ("1/4", 125), ("1/2", 250))
    ]
    (results / "made-up.jsonl").write_text("\n".join(lines) + '\n{"task": "unfin')
    words = ["study.py", "--results", str(results), "--cache", str(cache), "--processes", "1"]
    monkeypatch.setattr(sys, "argv", words)
    study.main()
    told = capsys.readouterr().out
    assert "Partial" in told
    assert "7 cells of 3 tasks and 1 draws" in told
    assert "| cranfield |" in told
    assert "measured in folds" in told
    assert "What is foretold varies" in told
    kept = sorted(cache.iterdir())
    assert len(kept) == 4
    for place in (0, 3):
        assert study.study([lines[place]], cache, 1) == [study.examined(lines[place])]
    assert sorted(cache.iterdir()) == kept
