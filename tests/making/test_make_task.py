"""make_task: queries made of documents alone."""

from pathlib import Path
from typing import Any

import pytest
from talker import shelf, write

import tunewise
from tunewise.data.making import told_made
from tunewise.making import make_task
from tunewise.making.drafts import cut_at_headings, drawn
from tunewise.task import Task
from tunewise.testing import WordHashEncoder


def made(folder: Path, way: str = "auto", **options: Any) -> Task:
    return make_task(folder, way=way, encoder=WordHashEncoder(), **options)


def answer(task: Task, query: str) -> str:
    (document,) = task.judgments[query]
    return task.documents.text(document)


def test_titles_ask_for_their_documents_and_stand_in_none(tmp_path: Path) -> None:
    task = made(write(tmp_path / "docs", shelf()))
    assert task.made["way"] == "titles"
    assert task.made["why"] == "48 of 48 documents have a title that asks for something"
    assert task.judgments["m1"] == {"harbour-kettle": 1.0}
    assert task.queries.text("m1") == "Care of the kettle in the harbour"
    assert not any("Care of" in text for text in task.documents.texts)
    assert len(task.documents) == 48


def test_a_title_that_opens_its_text_is_taken_out_there_too(tmp_path: Path) -> None:
    records = [{**one, "text": f"{one['title']}. {one['text']}"} for one in shelf()]
    task = made(write(tmp_path / "docs", records), "titles")
    assert not any("Care of" in text for text in task.documents.texts)


def test_titles_that_open_their_texts_are_not_taken_by_themselves(tmp_path: Path) -> None:
    records = [{**one, "text": f"{one['title']}. {one['text']}"} for one in shelf()]
    task = made(write(tmp_path / "docs", records))
    assert task.made["way"] == "sentences"
    assert "0 of 48 documents have a title" in task.made["why"]


def test_a_title_of_several_documents_finds_them_all_and_one_of_many_is_dropped(
    tmp_path: Path,
) -> None:
    records = shelf()
    for number, record in enumerate(records[:10]):
        record["title"] = "A word of thanks" if number < 3 else "General remarks here"
    task = made(write(tmp_path / "docs", records), "titles")
    thanks = task.queries.ids[task.queries.texts.index("A word of thanks")]
    assert set(task.judgments[thanks]) == {record["_id"] for record in records[:3]}
    assert "General remarks here" not in task.queries.texts
    assert task.made["dropped"]["in the same words for more than 5 documents"] == 1


def test_headings_ask_for_their_sections(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for one in shelf():
        sections = f"Preface.\n\n## Where the {one['_id']} is\n{one['text']}\n\n# Notes\nNone.\n"
        (folder / f"{one['_id']}.md").write_text(sections, encoding="utf-8")
    task = made(folder)
    assert task.made["way"] == "headings"
    assert task.queries.text("m1") == "Where the attic-anchor is"
    assert list(task.judgments["m1"]) == ["attic-anchor.md#2"]
    assert answer(task, "m1").startswith("The anchor of our attic.")
    assert task.groups["m1"] == "attic-anchor.md"
    assert len(task.documents) == 3 * 48
    assert not any("Where the" in text or "Notes" in text for text in task.documents.texts)


def test_html_headings_cut_a_text_and_comments_in_code_do_not() -> None:
    text = (
        "<h2 class='x'>How to <b>pay</b></h2><p>Cash.</p>\n"
        "```\n# no heading\n```\n## Next *one*\nEnd"
    )
    assert cut_at_headings(text) == [
        ("", ""),
        ("How to pay", "<p>Cash.</p>\n```\n# no heading\n```"),
        ("Next one", "End"),
    ]


def test_a_sentence_is_held_out_of_its_own_document(tmp_path: Path) -> None:
    records = [{"_id": one["_id"], "text": one["text"]} for one in shelf()]
    task = made(write(tmp_path / "docs", records))
    assert task.made["way"] == "sentences"
    sentence = task.queries.text("m1")
    assert sentence == "A kettle that stood in a harbour over winter must dry for 0 days first"
    assert sentence not in answer(task, "m1")
    assert answer(task, "m1").startswith("The kettle of our harbour. Whoever keeps")


def test_a_sentence_that_several_documents_have_is_nobodys(tmp_path: Path) -> None:
    records = [{"_id": one["_id"], "text": one["text"]} for one in shelf()]
    copies = [{**one, "_id": f"copy-{one['_id']}"} for one in records[:8]]
    task = made(write(tmp_path / "docs", records + copies), "sentences")
    asked = {key for grades in task.judgments.values() for key in grades}
    assert not asked & {one["_id"] for one in [*records[:8], *copies]}
    reason = "no sentence of a fitting length that only this document has"
    assert task.made["dropped"][reason] == 16


def test_documents_without_ids_and_told_twice_are_one_document(tmp_path: Path) -> None:
    records = [{"title": one["title"], "text": one["text"]} for one in shelf()]
    task = made(write(tmp_path / "docs", records + records))
    assert len(task.documents) == 48
    assert task.made["kept"] == len(task.queries) == 48


def test_queries_and_judgments_that_lie_beside_are_left_aside(tmp_path: Path) -> None:
    folder = write(tmp_path / "docs", shelf())
    write(folder, [{"_id": "q1", "text": "what people asked"}], "queries.jsonl")
    assert "what people asked" not in made(folder).queries.texts


def test_the_documents_of_a_table_of_pairs_can_be_asked_about(tmp_path: Path) -> None:
    rows = [f'"asked {n}","{one["text"]}"' for n, one in enumerate(shelf())]
    (tmp_path / "faq.csv").write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    task = made(tmp_path / "faq.csv")
    assert task.documents.ids[:2] == ["d1", "d2"]
    assert task.made["way"] == "sentences"


def test_what_finds_its_document_neither_by_words_nor_by_vectors_is_dropped(
    tmp_path: Path,
) -> None:
    records = shelf()
    for number in (5, 6):
        records[number]["title"] = f"Zweihundert unverwandte Begriffe {'xyz'[number - 5]}"
    task = made(write(tmp_path / "docs", records), "titles")
    assert task.made["made"] == 48
    lost = task.made["dropped"]["its document is not among the first 20, by words or by vectors"]
    assert task.made["kept"] == len(task.queries) == 48 - lost
    assert lost >= 1
    assert task.made["found"]["words"] == 46
    codes = {finding.code: finding for finding in task.findings}
    assert codes["D090"].count == 48 - lost
    assert codes["D091"].count == lost


def test_the_same_seed_draws_the_same_and_another_one_others(tmp_path: Path) -> None:
    folder = write(tmp_path / "docs", shelf())
    first = made(folder, most=20)
    assert len(first.queries) <= 20
    assert made(folder, most=20).queries.texts == first.queries.texts
    assert made(folder, most=20, seed=1).queries.texts != first.queries.texts


def test_what_is_drawn_comes_from_all_lengths() -> None:
    places = drawn([10] * 50 + [1000] * 50, 10, seed=0)
    assert sum(place < 50 for place in places) == 5
    assert drawn([3, 1, 2], 5, seed=0) == [0, 1, 2]


@pytest.mark.parametrize(
    ("records", "way", "what"),
    [
        (shelf()[:6], "auto", "Only 6 queries could be made of the titles of documents"),
        ([{**one, "title": ""} for one in shelf()], "titles", "Only 0 queries could be made"),
        (shelf(), "headings", "try --make-queries titles or sentences or llm"),
        ([{"_id": "1", "text": " "}], "auto", "holds no documents with a text"),
    ],
)
def test_too_little_to_make_queries_of_is_refused(
    tmp_path: Path, records: list[dict[str, str]], way: str, what: str
) -> None:
    with pytest.raises(tunewise.DataError) as refusal:
        made(write(tmp_path / "docs", records), way)
    assert what in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"way": "rhymes"}, "Queries cannot be made by 'rhymes'"),
        ({"most": 0}, "0 queries cannot be made"),
        ({"way": "llm"}, "nothing is sent anywhere unless you say where"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, options: dict[str, Any], what: str
) -> None:
    with pytest.raises(tunewise.OptionError) as refusal:
        made(write(tmp_path / "docs", shelf()), **options)
    assert what in str(refusal.value)


def test_a_made_task_that_was_written_is_still_known_as_made(tmp_path: Path) -> None:
    task = made(write(tmp_path / "docs", shelf()))
    tunewise.write_task(task, tmp_path / "made")
    read = tunewise.read_task(tmp_path / "made")
    assert read.fingerprint == task.fingerprint
    assert read.made == {**task.made, "fingerprint": task.fingerprint}
    assert [one.code for one in read.findings if one.code >= "D090"] == ["D090"]


def test_queries_that_people_asked_are_not_told_of_as_made() -> None:
    assert told_made({}) == ()
