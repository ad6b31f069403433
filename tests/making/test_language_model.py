"""Queries by a language model, over a real HTTP connection to a stand-in on 127.0.0.1."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from talker import Talker, shelf, write

import tunewise
from tunewise.encoders.requests import Patience
from tunewise.making import LanguageModel, make_task
from tunewise.making.model import ASKED, read_questions
from tunewise.testing import WordHashEncoder

BUSY = (429, {"Retry-After": "0"}, {"error": {"message": "slow down"}})
TEXTS = [f"{record['title']}\n{record['text']}" for record in shelf()]


@pytest.fixture
def talker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Talker]:
    monkeypatch.delenv("TUNEWISE_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    server = Talker()
    yield server
    server.endpoint.close()


def model_at(talker: Talker, name: str = "small") -> LanguageModel:
    patience = Patience(attempts=2, timeout=5.0, sleep=lambda seconds: None)
    return LanguageModel(talker.url, name, patience=patience)


def made(folder: Path, model: LanguageModel, **options: Any) -> tunewise.Task:
    encoder = WordHashEncoder()
    return make_task(write(folder, shelf()), way="llm", llm=model, encoder=encoder, **options)


def test_a_language_model_asks_about_each_document(talker: Talker, tmp_path: Path) -> None:
    task = made(tmp_path / "docs", model_at(talker))
    assert len(talker.seen) == 48
    assert talker.seen[0]["path"] == "/v1/chat/completions"
    assert talker.seen[0]["model"] == "small"
    assert {request["messages"][0]["content"] for request in talker.seen} == {
        ASKED + text for text in TEXTS
    }
    assert task.made["llm"] == {"url": talker.url, "model": "small"}
    assert task.made["kept"] > 40
    assert task.documents.text("harbour-kettle") == TEXTS[0]


def test_what_will_be_sent_is_said_before_it_is(talker: Talker) -> None:
    told: list[tuple[str, int, int]] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append((what, done, total))
        assert talker.seen or done == 0

    list(model_at(talker).questions(["a" * 5000, "b" * 10], progress=progress))
    what, done, total = told[0]
    assert (done, total) == (0, 2)
    place = talker.url.removeprefix("http://")
    assert what == f"asking small at {place}: 2 documents, 4,010 characters are sent"
    assert len(talker.seen[0]["messages"][0]["content"]) <= len(ASKED) + 4000


def test_work_that_broke_off_goes_on_where_it_was(talker: Talker) -> None:
    talker.script = [
        (200, {}, {"choices": [{"message": {"content": '["What is it made of?"]'}}]}),
        (403, {}, {"error": {"message": "enough"}}),
    ]
    with pytest.raises(tunewise.EncoderError, match="answered 403"):
        list(model_at(talker).questions(TEXTS))
    answered = len(talker.seen) - 1
    assert answered < len(TEXTS)  # the rest was not sent
    list(model_at(talker).questions(TEXTS))
    assert len(talker.seen) == len(TEXTS) + 1
    list(model_at(talker).questions(TEXTS))
    assert len(talker.seen) == len(TEXTS) + 1


def test_another_model_is_asked_anew(talker: Talker) -> None:
    list(model_at(talker).questions(TEXTS[:2]))
    list(model_at(talker, "large").questions(TEXTS[:2]))
    assert [request["model"] for request in talker.seen] == ["small"] * 2 + ["large"] * 2


def test_a_busy_endpoint_is_asked_again(talker: Talker) -> None:
    talker.script = [BUSY]
    (questions,) = model_at(talker).questions(["Boats. They float."])
    assert questions == ("How do I look after boats?",)
    assert len(talker.seen) == 2


def test_the_key_is_sent_and_not_kept(
    talker: Talker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TUNEWISE_API_KEY", "sk-secret")
    list(model_at(talker).questions(["Boats."]))
    assert talker.headers[0]["Authorization"] == "Bearer sk-secret"
    kept = [path.read_text() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any("sk-secret" in content for content in kept)


def test_a_key_that_is_not_accepted_is_told(talker: Talker) -> None:
    talker.script = [(401, {}, {"error": {"message": "bad key sk-…"}})]
    with pytest.raises(tunewise.EncoderError) as refusal:
        list(model_at(talker).questions(["Boats."]))
    assert "answered 401: it does not accept the key. Check TUNEWISE_API_KEY" in str(refusal.value)


def test_an_endpoint_that_never_answers_is_told() -> None:
    patience = Patience(attempts=2, timeout=0.2, sleep=lambda seconds: None)
    model = LanguageModel("http://127.0.0.1:9/v1", "small", Path("nowhere"), patience)
    with pytest.raises(tunewise.EncoderError) as refusal:
        list(model.questions(["Boats."]))
    assert "did not answer after 2 tries" in str(refusal.value)


def test_another_kind_of_endpoint_is_told(talker: Talker) -> None:
    talker.script = [(200, {}, {"data": []})]
    with pytest.raises(tunewise.EncoderError, match="something else than a chat completion"):
        list(model_at(talker).questions(["Boats."]))


def test_answers_without_a_question_are_counted(talker: Talker, tmp_path: Path) -> None:
    good = talker.says
    talker.says = lambda text: "As a machine, I cannot." if "violin" in text else good(text)
    task = made(tmp_path / "docs", model_at(talker))
    assert task.made["dropped"]["no question in the language model's answer"] == 6


def test_a_model_that_never_asks_is_given_up_early(talker: Talker) -> None:
    talker.says = lambda text: "Certainly! Let me help you."
    with pytest.raises(tunewise.EncoderError) as refusal:
        list(model_at(talker).questions(TEXTS))
    assert "answered 20 documents and no answer held a question" in str(refusal.value)
    assert len(talker.seen) < len(TEXTS)


def test_a_question_that_fits_several_documents_is_one_query(
    talker: Talker, tmp_path: Path
) -> None:
    talker.says = lambda text: json.dumps(["What is kept here?", f"Where is {text.split()[3]}?"])
    with pytest.raises(tunewise.DataError, match="in the same words for more than 5 documents"):
        made(tmp_path / "docs", model_at(talker))


@pytest.mark.parametrize(
    ("answer", "questions"),
    [
        ('["How tall?", "How old?"]', ("How tall?", "How old?")),
        ('{"questions": ["How tall?", "How old?"]}', ("How tall?", "How old?")),
        ('[{"question": "How tall?"}]', ("How tall?",)),
        ('<think>["Wrong one?"]</think>\n["Right one?"]', ("Right one?",)),
        ("- **How tall?**\n- How old?\n- How wide?", ("How tall?", "How old?")),
        ('Q1: "How tall?"\nQ2) How old?', ("How tall?", "How old?")),
        ("塔の高さはどれくらいですか？", ("塔の高さはどれくらいですか？",)),
        ('["tower height", "Who?"]', ("tower height",)),
        ("[not json", ()),
        ("", ()),
        ("[1, 2]", ()),
    ],
)
def test_questions_are_read_whatever_stands_around_them(
    answer: str, questions: tuple[str, ...]
) -> None:
    assert read_questions(answer) == questions


@pytest.mark.parametrize(
    ("url", "name", "what"),
    [
        ("", "small", "'' is no base URL"),
        ("http://user:word@127.0.0.1/v1", "small", "a user name, a password or a query"),
        ("http://127.0.0.1/v1", "", "The language model has no name"),
    ],
)
def test_a_model_that_cannot_be_asked_is_refused(url: str, name: str, what: str) -> None:
    with pytest.raises(tunewise.OptionError) as refusal:
        LanguageModel(url, name)
    assert what in str(refusal.value)


def test_a_key_never_goes_unencrypted_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEWISE_API_KEY", "sk-secret")
    model = LanguageModel("http://models.example/v1", "small", Path("nowhere"))
    with pytest.raises(tunewise.EncoderError, match="unencrypted, so nothing was sent"):
        list(model.questions(["Boats."]))
