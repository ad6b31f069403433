"""Checks: each code is found where it should be, and a clean task has none of them."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import tunewise.data.check
from tunewise.data.check import check
from tunewise.data.split import Division, divide
from tunewise.encoders import DEFAULT_ENCODER, WordHashEncoder, load_encoder
from tunewise.errors import OptionError
from tunewise.finding import Finding
from tunewise.task import Task, Texts
from tunewise.testing import tiny_task

RUSSIAN = "Как изменить пароль, если у меня больше нет доступа к почте номер"
GERMAN = "Wie kann ich mein Passwort ändern, wenn ich keinen Zugriff mehr habe, Fall"


@dataclass(frozen=True)
class Speller:
    """An encoder that reads eight tokens and spells what is not Latin letter by letter."""

    name: str = "speller"
    max_tokens: int | None = 8

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([len(t.split()) if t.isascii() else len(t) for t in texts])


@dataclass(frozen=True)
class Stranger:
    """An encoder that knows no word with a letter beyond ASCII, and counts no tokens."""

    name: str = "stranger"
    max_tokens: int | None = 8

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return np.full(len(texts), -1)

    def unknown_share(self, texts: Sequence[str]) -> float:
        words = " ".join(texts).split()
        return sum(not word.isascii() for word in words) / max(1, len(words))


def with_documents(task: Task, **texts: str) -> Task:
    """The task with these documents changed or added."""
    told = dict(zip(task.documents.ids, task.documents.texts, strict=True)) | texts
    return dataclasses.replace(task, documents=Texts(list(told), list(told.values())))


def with_queries(task: Task, **texts: str) -> Task:
    told = dict(zip(task.queries.ids, task.queries.texts, strict=True)) | texts
    return dataclasses.replace(task, queries=Texts(list(told), list(told.values())))


def judged(task: Task, **judgments: dict[str, float]) -> Task:
    return dataclasses.replace(task, judgments={**task.judgments, **judgments})


def found(code: str, findings: Sequence[Finding]) -> Finding:
    (finding,) = [each for each in findings if each.code == code]
    return finding


def codes(findings: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def by_user(task: Task, *train: str, dev: Sequence[str] = ()) -> Division:
    """The task divided as given: these queries train, those dev, all others test."""
    parts = dict.fromkeys(task.judgments, "test") | dict.fromkeys(train, "train")
    return divide(dataclasses.replace(task, parts=parts | dict.fromkeys(dev, "dev")))


def test_a_clean_task_has_nothing_but_few_queries():
    task = tiny_task()
    findings = check(task, division=divide(task), encoder=WordHashEncoder())
    assert codes(findings) == ["D040"]
    assert check(task, division=divide(task), worth=0.5) == []


def test_every_finding_has_a_count_short_examples_and_advice():
    task = with_queries(with_documents(tiny_task(), d1="", d2="x " * 600_000, x1="", x2=""), q5="")
    findings = check(task, division=divide(task), encoder=Speller())
    assert len(findings) > 4
    for finding in findings:
        assert finding.count > 0
        assert len(finding.examples) <= 3
        assert all(len(example) < 200 for example in finding.examples)
        assert finding.advice.endswith(".")


def test_errors_come_before_warnings_and_notes_and_then_codes():
    task = judged(with_documents(tiny_task(), x=tiny_task().documents.texts[0]), q5={})
    few = Texts(task.documents.ids[:1] + task.documents.ids[-1:], ["", ""])
    findings = check(dataclasses.replace(task, documents=few, judgments={"q0": {"d0": 1.0}}))
    order = ["error", "warning", "note"]
    ranks = [(order.index(finding.severity), finding.code) for finding in findings]
    assert ranks == sorted(ranks)
    assert {rank for rank, _ in ranks} == {0, 1, 2}


def test_repeated_documents_are_counted_without_their_originals():
    task = with_documents(tiny_task(), x1="Spare text", x2="Spare text ", x3="Spare text")
    finding = found("D020", check(task))
    assert (finding.severity, finding.count) == ("note", 2)
    assert finding.examples[0] == "document 'x2' repeats 'x1': Spare text"
    assert "D021" not in codes(check(task))


def test_nearly_repeated_documents_are_counted_apart():
    task = with_documents(tiny_task(), x1="Spare text", x2="spare text!")
    finding = found("D021", check(task))
    assert (finding.count, finding.examples) == (1, ("document 'x2' is nearly 'x1': spare text!",))
    assert "D020" not in codes(check(task))


def test_a_copy_of_a_relevant_document_that_is_not_judged_is_found():
    task = with_documents(tiny_task(), copy=tiny_task().documents.text("d3").upper())
    finding = found("D022", check(task))
    assert finding.count == 1
    assert "'d3' is relevant, its copy 'copy' not judged" in finding.examples[0]
    assert "D022" not in codes(check(judged(task, q3={"d3": 1.0, "copy": 1.0})))


def test_repeated_and_nearly_repeated_queries_are_found():
    task = with_queries(tiny_task(), a="Spare query", b="Spare query", c="spare query?")
    task = judged(task, a={"d1": 1.0}, b={"d1": 1.0}, c={"d1": 1.0})
    findings = check(task)
    assert found("D023", findings).examples == ("query 'b' repeats 'a': Spare query",)
    assert found("D024", findings).examples == ("query 'c' is nearly 'a': spare query?",)


def test_queries_without_judgments_are_noted_even_when_they_repeat_others():
    task = with_queries(tiny_task(), idle=tiny_task().queries.texts[0])
    findings = check(task)
    assert found("D025", findings).count == 1
    assert "D023" not in codes(findings)


def test_queries_with_nothing_relevant_are_found():
    finding = found("D026", check(judged(tiny_task(), q3={"d3": 0.0}, q4={"d4": 0.5})))
    assert finding.count == 2
    assert "grade 1" in finding.advice


def test_empty_texts_are_found():
    task = with_queries(with_documents(tiny_task(), x1="", x2=" \n"), q5="\t")
    findings = check(task)
    assert found("D027", findings).examples == ("document 'x1'", "document 'x2'")
    assert found("D028", findings).examples == ("query 'q5'",)
    assert not {"D020", "D021", "D022"} & set(codes(findings))


def test_texts_that_the_encoder_cuts_off_are_counted_with_what_is_lost():
    task = with_documents(tiny_task(), x1="word " * 16, x2="term " * 9)
    short = dataclasses.replace(Speller(), max_tokens=15)
    finding = found("D029", check(task, encoder=short))
    total = sum(len(text.split()) for text in task.documents.texts)
    over = [len(text.split()) for text in task.documents.texts if len(text.split()) > 15]
    assert finding.count == len(over)
    assert f"{sum(n - 15 for n in over) / total:.1%} of all tokens" in finding.advice
    assert "reads 15 tokens" in finding.advice


def test_few_texts_cut_off_are_a_note_and_many_a_warning():
    task = with_documents(tiny_task(), x1="word " * 40)
    assert found("D029", check(task, encoder=Speller(max_tokens=30))).severity == "note"
    assert found("D029", check(task, encoder=Speller(max_tokens=8))).severity == "warning"


def test_queries_are_cut_off_too():
    task = with_queries(tiny_task(), q7="why " * 9)
    finding = found("D030", check(task, encoder=Speller()))
    assert (finding.count, finding.examples[0][-10:]) == (1, "(9 tokens)")


def test_of_very_many_texts_a_sample_is_counted_and_said():
    texts = {f"x{n}": f"text {n} " + "long " * 10 * (n % 2) for n in range(30_000)}
    finding = found("D029", check(with_documents(tiny_task(), **texts), encoder=Speller()))
    assert "estimated from 20,000 of them" in finding.advice
    assert 14_000 < finding.count < 16_500


def test_an_encoder_without_a_limit_or_a_count_cuts_nothing_off():
    task = with_documents(tiny_task(), x1="word " * 40)
    assert "D029" not in codes(check(task, encoder=Speller(max_tokens=None)))
    assert "D029" not in codes(check(task, encoder=Stranger()))


def test_a_document_of_a_megabyte_is_found_by_its_bytes():
    large = with_documents(tiny_task(), x1="é" * 500_000)
    assert found("D031", check(large)).count == 1
    assert "D031" not in codes(check(with_documents(tiny_task(), x1="é" * 499_999)))


def test_test_queries_that_are_also_in_train_are_found():
    task = with_queries(tiny_task(), q0="same query", q1="same query ", q2="Same query!")
    findings = check(task, division=by_user(task, "q0", "q99", dev=["q98"]))
    identical = found("D032", findings)
    assert (identical.severity, identical.count) == ("warning", 1)
    assert identical.examples == ("test query 'q1' and train query 'q0': same query",)
    near = found("D033", findings)
    assert near.examples == ("test query 'q2' and train query 'q0': Same query!",)


def test_dev_queries_leak_as_train_queries_do():
    task = with_queries(tiny_task(), q0="same query", q1="same query")
    division = by_user(task, *(f"q{n}" for n in range(80, 128)), dev=["q0"])
    assert "dev query 'q0'" in found("D032", check(task, division=division)).examples[0]


def test_a_test_part_that_is_mostly_in_train_is_an_error():
    task = tiny_task()
    copies = {f"q{n}": task.queries.texts[n + 64] for n in range(40)}
    division = by_user(with_queries(task, **copies), *(f"q{n}" for n in range(64, 128)))
    findings = check(with_queries(task, **copies), division=division)
    assert (found("D032", findings).severity, found("D032", findings).count) == ("error", 40)


def test_relevant_documents_on_both_sides_are_found_where_they_are_half_or_more():
    task = judged(
        tiny_task(),
        q0={"d100": 1.0},
        q1={"d1": 1.0, "d101": 1.0},
        q2={"d2": 1.0, "d3": 1.0, "d102": 1.0},
    )
    division = by_user(task, *(f"q{n}" for n in range(64, 128)))
    finding = found("D034", check(task, division=division))
    assert finding.count == 2
    assert "test query 'q0' and train query 'q100': document 'd100'" in finding.examples[0]


def test_copies_of_documents_on_both_sides_are_found():
    task = with_documents(tiny_task(), d0=tiny_task().documents.text("d100").lower())
    division = by_user(task, *(f"q{n}" for n in range(64, 128)))
    assert found("D034", check(task, division=division)).count == 1


def test_a_division_by_group_leaks_nothing():
    task = with_queries(tiny_task(), q0="same query", q1="same query", q2="Same query!")
    task = with_documents(task, d9=task.documents.text("d8"))
    findings = check(task, division=divide(task))
    assert not {"D032", "D033", "D034"} & set(codes(findings))


def test_the_same_texts_with_different_grades_contradict():
    task = with_queries(with_documents(tiny_task(), copy="Twin", d5="Twin"), q6="ask", q7="ask")
    task = judged(task, q5={"d5": 1.0, "copy": 0.0}, q6={"d6": 1.0}, q7={"d6": 0.0, "d7": 1.0})
    finding = found("D035", check(task))
    assert finding.count == 2
    assert "'q5' and 'copy' are graded 0 but 'q5' and 'd5' are graded 1" in finding.examples[0]


def test_the_same_texts_with_the_same_grade_do_not_contradict():
    task = with_queries(with_documents(tiny_task(), copy="Twin", d5="Twin"), q6="ask", q7="ask")
    task = judged(task, q5={"d5": 1.0, "copy": 1.0}, q6={"d6": 1.0}, q7={"d6": 1.0})
    assert "D035" not in codes(check(task))


def test_a_document_that_answers_a_fifth_of_the_queries_is_found():
    hub = {f"q{n}": {"d0": 1.0} for n in range(26)}
    finding = found("D036", check(judged(tiny_task(), **hub)))
    assert finding.count == 1
    assert finding.examples[0].endswith("(26 of 128 queries)")
    fewer = {f"q{n}": {"d0": 1.0} for n in range(25)}
    assert "D036" not in codes(check(judged(tiny_task(), **fewer)))


def test_documents_that_all_say_the_same_are_an_error():
    same = {f"d{n}": "One text" + "!" * (n % 3) for n in range(128)}
    finding = found("D037", check(with_documents(tiny_task(), **same)))
    assert (finding.severity, finding.count) == ("error", 128)


def test_the_same_answer_to_every_query_is_an_error():
    same = {f"q{n}": {"d0": 1.0} for n in range(128)}
    assert "same relevant documents" in found("D037", check(judged(tiny_task(), **same))).title


def test_documents_in_several_languages_are_found():
    texts = {f"x{n}": f"{GERMAN} {n}" for n in range(40)}
    finding = found("D038", check(with_documents(tiny_task(), **texts)))
    assert re.search(r"Documents are in several languages \(en \d+%, de \d+%\)", finding.title)
    assert finding.examples[0].endswith("(de)")


def test_queries_in_another_language_than_the_documents_are_found():
    texts = {f"q{n}": f"{GERMAN} {n}" for n in range(128)}
    finding = found("D039", check(with_queries(tiny_task(), **texts)))
    assert "(de) than the documents (en)" in finding.title
    assert "D038" not in codes(check(with_queries(tiny_task(), **texts)))


def test_too_few_queries_follow_from_power():
    task = tiny_task()
    finding = found("D040", check(task, division=divide(task)))
    # (1.96 + 0.84) * 0.30 / sqrt(32 groups) = 0.149; ((1.96 + 0.84) * 0.30 / 0.02)² = 1,766
    assert finding.count == 32
    assert "below 0.15" in finding.title
    assert "1,766 would do" in finding.advice
    assert "deviate by 0.3 until that is measured" in finding.advice
    assert codes(check(task, division=divide(task), worth=0.15)) == []


def test_without_a_division_the_number_of_test_queries_is_estimated():
    task = tiny_task()
    assert found("D040", check(task)).count == 32
    few = dataclasses.replace(task, parts=dict.fromkeys(["q1", "q2"], "test"))
    assert (found("D040", check(few)).count, found("D040", check(few)).severity) == (2, "error")


def test_a_script_that_the_encoder_does_not_know_is_found():
    texts = {f"q{n}": f"{RUSSIAN} {n}" for n in range(128)}
    task = with_queries(tiny_task(), **texts)
    assert "of the words are unknown" in found("D041", check(task, encoder=Stranger())).title
    spelled = found("D041", check(task, encoder=Speller(max_tokens=None)))
    assert spelled.title.startswith("Queries are hard to read for 'speller'")
    assert "spells Cyrillic words letter by letter" in spelled.title
    assert "D041" not in codes(check(tiny_task(), encoder=Stranger()))


@pytest.mark.slow
def test_the_default_encoder_reads_latin_and_neither_cyrillic_nor_japanese():
    encoder = load_encoder(DEFAULT_ENCODER)
    assert "D041" not in codes(check(tiny_task(), encoder=encoder))
    for text in (RUSSIAN, "パスワードを忘れた場合はどうすればよいですか"):
        texts = {f"q{n}": f"{text} {n}" for n in range(128)}
        assert "D041" in codes(check(with_queries(tiny_task(), **texts), encoder=encoder))


@pytest.mark.parametrize("worth", [0, -0.1, 1, 5, float("nan")])
def test_a_gain_worth_having_lies_between_nothing_and_all_of_a_metric(worth: float):
    with pytest.raises(OptionError, match=f"is {worth:g}, but a metric goes from 0 to 1"):
        check(tiny_task(), worth=worth)


def test_every_code_that_is_documented_is_used_and_the_other_way_round():
    documented = set(re.findall(r"^\| (D\d+)", tunewise.data.check.__doc__ or "", re.MULTILINE))
    folder = Path(tunewise.data.check.__file__).parent / "checks"
    sources = " ".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    assert set(re.findall(r'"(D\d{3})"', sources)) == documented
    assert len(documented) == 22
