"""The verdict as a page."""

import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from verdict_facts import ANSWERS, ENDLESS, HOSTILE, not_there, smallest_facts, verdict_facts

from tunewise.report import to_page, to_text
from tunewise.report.words import headline

_VOID = {"meta", "br", "line", "circle", "rect", "path"}
_ADDRESSES = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "ping"}


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


ALL = [*map(verdict_facts, ANSWERS), smallest_facts(), verdict_facts("tune", contenders=[])]


@pytest.mark.parametrize("facts", ALL)
def test_every_page_is_well_formed(facts: dict[str, Any]) -> None:
    assert Reader(to_page(facts)).open == []


@pytest.mark.parametrize("facts", ALL)
def test_nothing_on_the_page_can_be_fetched_or_run(facts: dict[str, Any]) -> None:
    page = Reader(to_page(facts))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "base", "form", "use"}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert all(value[:1] == "#" for name, value in attributes.items() if name in _ADDRESSES)


def test_the_style_fetches_nothing_and_the_policy_forbids_it() -> None:
    page = to_page(verdict_facts())
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = [
        one["content"]
        for one in Reader(page).all("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")


@pytest.mark.parametrize("facts", ALL)
def test_links_lead_to_places_on_the_page(facts: dict[str, Any]) -> None:
    page = Reader(to_page(facts))
    places = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(places) == len(set(places))
    assert {one["href"][1:] for one in page.all("a")} <= set(places)


def _poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _poisoned(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_poisoned(one) for one in value]
    return f'{value}"{HOSTILE}' if isinstance(value, str) else value


def test_hostile_texts_anywhere_stay_texts() -> None:
    facts = verdict_facts("tune")
    clean = {tag for tag, _ in Reader(to_page(facts)).tags}
    kept = {"metric", "answer", "severity", "by", "from"}
    hostile = _poisoned(facts) | {key: facts[key] for key in kept if key in facts}
    for told in (hostile["timing"], hostile["timing"]["costs"]):
        told["contenders"] = {_poisoned(key): one for key, one in told["contenders"].items()}
    for contender in hostile["contenders"]:
        contender["scores"] = facts["contenders"][0]["scores"]
    page = Reader(to_page(hostile))
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= clean
    assert page.text.count(HOSTILE) > 50


def test_texts_in_any_script_arrive_whole_and_keep_their_direction() -> None:
    page = Reader(to_page(verdict_facts()))
    for text in (
        "هل يمكنني إرجاع القارب بعد الغروب؟",
        "終電の後でもボートを返せますか",
        "🚤⚓",
        ENDLESS,
    ):
        assert text in page.text
    assert page.all("bdi")


def test_a_headline_quotes_a_contender_of_a_kind_and_says_where_time_was_missing() -> None:
    late = not_there("tuned", "no time", tuned=True, cause="time")
    facts = verdict_facts("suffices", skipped=[late], kind="recommendation")
    told = headline({**facts, "answer": "suffices with together"})
    assert told == "Off the shelf suffices, with 'together', as far as was measured."


def test_what_the_budget_kept_out_is_a_step_with_a_larger_one() -> None:
    late = not_there("full", "no time", tuned=True, cause="time", seconds=900.0)
    facts = verdict_facts("suffices", skipped=[late], reproduce="tunewise measure x --budget 60s")
    facts["settings"]["budget_seconds"] = 60.0
    page = to_page(facts)
    assert "Give it more time: full was not measured." in page
    assert "--budget 24m" in unescape(re.sub(r"<[^>]*>", "", page))  # 60 s and 1.5 times 900 s
    assert "Leave tuning" not in page


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("tune", "Tuning pays."),
        ("suffices", "Off the shelf suffices."),
        ("suffices with hybrid", "Off the shelf suffices, with hybrid search."),
        ("suffices with lexical", "Off the shelf suffices, with lexical search."),
        ("suffices with rerank", "Off the shelf suffices, with a reranker."),
        ("cannot tell yet", "Cannot tell yet."),
    ],
)
def test_the_headline_is_the_answer(answer: str, told: str) -> None:
    likeness = answer if answer in ANSWERS else "suffices"
    page = to_page(verdict_facts(likeness) | {"answer": answer})
    assert re.findall(r"<h1>(.*?)</h1>", page) == [told]


@pytest.mark.parametrize("facts", ALL)
def test_headings_go_down_one_level_at_a_time(facts: dict[str, Any]) -> None:
    tags = Reader(to_page(facts)).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_sections_come_in_the_order_a_reader_asks() -> None:
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", to_page(verdict_facts()))
    assert headings == [
        *("How sure is this?", "What to do next", "Would more labels help?"),
        *("What would change the answer", "Contenders"),
        *("What a year costs", "Price against quality", "Query by query", "Most won, most lost"),
        *("Noticed in the data", "Data and split", "How to repeat this", "Words"),
    ]


@pytest.mark.parametrize("facts", [*map(verdict_facts, ANSWERS), smallest_facts()])
def test_the_page_shows_every_figure_the_terminal_shows(facts: dict[str, Any]) -> None:
    page = Reader(to_page(facts)).text.replace("−", "-")
    figures = set(re.findall(r"[+-]?\d+(?:,\d{3})*(?:\.\d+)?", to_text(facts, width=160)))
    assert len(figures) > 5
    assert {figure for figure in figures if figure not in page} == set()


def test_every_drawing_says_in_words_what_it_shows() -> None:
    page = Reader(to_page(verdict_facts()))
    ids = {attributes.get("id") for tag, attributes in page.tags if tag in {"title", "desc"}}
    told = [one for one in page.all("svg") if one.get("role") == "img"]
    assert len(told) == 5
    assert all(set(one["aria-labelledby"].split()) <= ids for one in told)
    assert "512 queries better, 432 the same, 260 worse." in page.text


def test_documents_found_are_marked_in_words() -> None:
    page = Reader(to_page(verdict_facts())).text
    for mark in ("relevant, grade 2 d0", "not judged leaflet-20", "not relevant leaflet-30"):
        assert mark in page


def test_a_relevant_document_nobody_found_is_shown_once() -> None:
    facts = verdict_facts()
    facts["queries"] |= {"won": facts["queries"]["won"][:1], "lost": []}
    page = Reader(to_page(facts)).text
    assert page.count("Judged relevant, and not shown above relevant m0 Missed by both.") == 1


def test_a_long_document_is_cut_between_words() -> None:
    facts = verdict_facts()
    facts["queries"]["won"][0]["winner"][0]["text"] = "vestibule " * 500
    page = Reader(to_page(facts)).text
    assert "vestibule vestibule …" in page
    assert "vestibule " * 40 not in page


def test_without_a_tuned_contender_the_page_says_why_there_is_no_gain() -> None:
    page = Reader(to_page(smallest_facts())).text
    assert "No tuned contender was measured" in page
    assert "adapter there is no train part" in page
    assert "Price against quality" not in page


def test_a_provisional_verdict_says_so_at_the_top() -> None:
    made = {"headline": "Provisional: maybe.", "advice": "label some", "bias": "Words win."}
    page = Reader(to_page(verdict_facts(provisional=made))).text
    assert page.index("Provisional: maybe.") < page.index("Provisional. The queries were made")
    assert page.index("label some. Words win.") < page.index("How sure is this?")
    assert "What to do next Label some, and measure on those." in page
    assert "Provisional." not in to_page(verdict_facts())


def test_where_money_is_not_known_price_is_time() -> None:
    facts = verdict_facts()
    for costs in facts["timing"]["costs"]["contenders"].values():
        costs["total"]["money"] = None
    page = Reader(to_page(facts)).text
    assert "milliseconds per query" in page
    assert "0.708 in 9.9 ms" in page


def test_a_year_is_told_part_by_part_with_what_each_stands_on_and_where_prices_come_from() -> None:
    page = Reader(to_page(verdict_facts())).text
    assert "The first year at 5,000 queries a day over 18,240 documents; money in EUR." in page
    # fitting 55 s and embedding 18,240 documents at 4.2 ms; 0.052 kWh an hour at 11.5 W
    assert (
        "adapter-both-hybrid 2.29 assumed 2.2 min measured 1.75 measured <0.01 assumed "
        "<0.01 measured <0.01 assumed 0.03 measured 0.50 given 0.06 assumed"
    ) in page
    assert "A machine that is always on takes EUR 876.00 a year." in page
    assert "machine hour 0.1 given" in page


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        ("tune", "Use adapter-both-hybrid: it is saved under model/."),
        ("suffices", "Use pretrained as it is: it is saved under model/."),
        (
            "cannot tell yet",
            "480 measured on so far; judge 1,370 more queries (about 1,850 in",
        ),
    ],
)
def test_the_first_step_follows_from_the_answer(answer: str, first: str) -> None:
    page = Reader(to_page(verdict_facts(answer))).text
    assert f"What to do next {first}" in page


def test_the_same_facts_give_the_same_page() -> None:
    assert to_page(verdict_facts()) == to_page(verdict_facts())
