"""What ends a run in the terminal."""

import re
from typing import Any

import pytest
from verdict_facts import (
    ANSWERS,
    ENDLESS,
    HOSTILE,
    not_there,
    rename,
    smallest_facts,
    verdict_facts,
)

from tunewise.report import to_text


def _with_names(name: str) -> dict[str, Any]:
    facts = verdict_facts("tune", contender=name, best_untuned=name)
    rename(facts, 0, name)
    return facts


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_first_line_is_the_answer_in_a_sentence(answer: str) -> None:
    facts = verdict_facts(answer)
    assert to_text(facts, width=200).splitlines()[0] == facts["sentence"]


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize(
    "facts",
    [
        *map(verdict_facts, ANSWERS),
        smallest_facts(),
        _with_names("adapter-both-hybrid/" + "x" * 120),
        verdict_facts("tune", sentence=ENDLESS, reasons=[ENDLESS, HOSTILE * 3]),
        verdict_facts("tune", skipped=[not_there(ENDLESS, ENDLESS)], contenders=[]),
    ],
)
def test_no_line_is_wider_than_asked(facts: dict[str, Any], width: int) -> None:
    assert max(map(len, to_text(facts, width=width).splitlines())) <= width


def test_a_wide_terminal_gets_one_table_and_a_narrow_one_two() -> None:
    def tables(width: int) -> int:
        return len(re.findall(r"^ +contender ", to_text(verdict_facts(), width=width), re.M))

    assert (tables(80), tables(140)) == (2, 1)


def test_a_contenders_row_holds_quality_difference_and_price() -> None:
    rows = to_text(verdict_facts("tune"), width=140).splitlines()
    (row,) = [row for row in rows if row.startswith("* adapter-both-hybrid")]
    assert row.split("  ", 1)[1].split() == [
        *("0.708", "[0.689,", "0.727]"),
        *("+0.150", "[+0.134,", "+0.165]"),
        *("0.848", "55", "s", "9.9", "1,536"),
    ]


def test_columns_stand_under_each_other() -> None:
    lines = to_text(verdict_facts("tune"), width=80).splitlines()
    start = next(place for place, line in enumerate(lines) if "nDCG@10  " in line)
    column = lines[start].index("nDCG@10")
    assert all(re.match(r"0\.\d{3} \[", row[column:]) for row in lines[start + 1 : start + 7])


def test_a_name_too_long_for_its_column_stands_whole_on_a_line_of_its_own() -> None:
    name = "adapter-both-hybrid/text-embedding-of-some-house"
    assert f"* {name}" in to_text(_with_names(name), width=80).splitlines()


def test_colours_appear_only_when_asked_for_and_say_nothing_alone() -> None:
    plain, coloured = to_text(verdict_facts()), to_text(verdict_facts(), color=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain != coloured


def test_texts_of_the_data_cannot_steer_the_terminal() -> None:
    facts = verdict_facts("tune", sentence="Tune\x1b[2J now\x07", skipped=[])
    facts["findings"][0]["title"] = "\x1b]0;owned\x07title"
    text = to_text(facts)
    assert not set(text) & {"\x1b", "\x07"}


def test_findings_are_told_with_examples_and_what_to_do() -> None:
    facts = verdict_facts()
    text = to_text(facts)
    assert "D012 error: Queries that judge a missing document (3)" in text
    assert "D004 warning: Near-duplicate documents (212)" in text
    for finding in facts["findings"]:
        assert finding["code"] in text
        assert text.count("e.g. ") == sum(len(one["examples"]) for one in facts["findings"])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("tune", "Cannot tell: nDCG@10 is 0.708 [0.690, 0.725]; your target is 0.700."),
        ("suffices", "Met: nDCG@10 is 0.781 [0.763, 0.798]; the usual mark is 0.750."),
        ("cannot tell yet", "Not met: nDCG@10 is 0.708 [0.690, 0.725]; the usual mark is 0.750."),
    ],
)
def test_the_target_is_told_with_its_interval(answer: str, told: str) -> None:
    assert f"Target  {told}" in to_text(verdict_facts(answer))


def test_what_is_needed_is_told_when_the_answer_is_open() -> None:
    text = to_text(verdict_facts("cannot tell yet"), width=160)
    assert "Needed  480 measured on so far; judge 1,370 more queries (about 1,850 in all)." in text
    assert "Needed" not in to_text(verdict_facts("tune"))


@pytest.mark.parametrize(
    ("earlier", "told"),
    [(0, "for the first time"), (1, "used once before (this is use 2)"), (2, "used 2 times")],
)
def test_uses_of_the_test_part_are_counted(earlier: int, told: str) -> None:
    facts = verdict_facts()
    facts["data"]["test_use"] = {"ordinal": earlier + 1, "earlier": earlier}
    assert told in to_text(facts, width=160)


def test_what_was_not_measured_is_told_with_the_reason() -> None:
    assert "- rerank: no reranker was named" in to_text(verdict_facts())


def test_without_contenders_it_says_so() -> None:
    assert "No contender was measured." in to_text(verdict_facts(contenders=[]))


def test_a_year_is_told_for_the_recommended_and_the_best_untuned_contender() -> None:
    facts = verdict_facts("tune")
    # 7 judgments at 0.25; 5,000 x 365 queries at 9.9 ms are 5.02 h at 0.1: the two largest parts.
    # hybrid: no labels, 4.87 h of queries; both: 1.2 x 18,240 documents at 4.2 ms and 0.03 to store
    assert (
        "Cost    A year at 5,000 queries a day over 18,240 documents: adapter-both-hybrid "
        "EUR 2.29, of which labelling 1.75, serving 0.50; hybrid EUR 0.52. "
        "A machine that is always on for it: EUR 876.00 more."
    ) in to_text(facts, width=250)


def test_a_year_of_an_untuned_contender_is_told_beside_the_best_tuned_one() -> None:
    facts = verdict_facts("suffices with hybrid")
    told = "hybrid EUR 0.52, of which serving 0.49, storing 0.03"
    assert f"{told}; adapter-both-hybrid EUR 2.29. A machine" in to_text(facts, width=250)
    assert f"{told}. A machine" in to_text(facts | {"best_tuned": None}, width=250)


def test_a_year_whose_price_nobody_knows_is_told_as_not_known() -> None:
    facts = verdict_facts("suffices with hybrid")
    facts["timing"]["costs"]["contenders"]["hybrid"]["total"]["money"] = None
    assert "18,240 documents: hybrid not known, of which serving" in to_text(facts, width=200)
