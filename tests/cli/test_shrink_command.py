"""`tunewise shrink` as a user types it: exit code, what is printed, what search makes of it."""

import json
import shutil

import pytest

from tunewise.cli import main

pytestmark = [pytest.mark.usefixtures("home"), pytest.mark.slow]

MEASURE = ["measure", "tiny", "--encoder", "word-hash"]


@pytest.fixture(scope="module")
def measured(home):
    """The folder of a verdict whose winner has an encoder."""
    assert main([*MEASURE, "--out", "verdict"]) == 0
    return home / "verdict"


def test_shrink_tells_the_form_and_search_uses_it(measured, capsys):
    assert main(["shrink", "verdict", "--keep", "0.8"]) == 0
    out = capsys.readouterr().out
    facts = json.loads((measured / "shrink.json").read_text(encoding="utf-8"))
    assert out.startswith(facts["chosen"]["form"]["name"].split(",")[0])
    assert "1,000,000" in out
    assert "100,000,000" in out
    assert facts["chosen"]["total"] < 4 * facts["dimension"]
    query = json.loads((measured.parent / "tiny" / "queries.jsonl").read_text().splitlines()[0])
    assert main(["search", "verdict", query["text"]]) == 0
    small = capsys.readouterr().out
    assert f"vectors are searched as {facts['chosen']['form']['name']}" in " ".join(small.split())
    form = (measured / "shrink.safetensors").read_bytes()
    (measured / "shrink.safetensors").unlink()
    assert main(["search", "verdict", query["text"]]) == 0
    assert capsys.readouterr().out != small
    (measured / "shrink.safetensors").write_bytes(form)


def test_documents_that_a_form_was_not_learned_from_are_told(measured, capsys):
    assert main(["shrink", "verdict", "--keep", "0.8"]) == 0
    other = measured.parent / "other"
    shutil.copytree(measured.parent / "tiny", other)
    documents = other / "corpus.jsonl"
    text = documents.read_text(encoding="utf-8")
    documents.write_text(text.replace("needs", "wants"), encoding="utf-8")
    capsys.readouterr()
    assert main(["search", "verdict", "mend my kettle", "--on", "other"]) == 0
    assert "learned from other documents than these" in " ".join(capsys.readouterr().out.split())


def test_measuring_again_keeps_the_form_of_the_same_winner_and_removes_anothers(home, capsys):
    kept = ["shrink.html", "shrink.json", "shrink.safetensors"]
    assert main([*MEASURE, "--out", "again"]) == 0
    assert main(["shrink", "again", "--keep", "0.8"]) == 0
    assert main([*MEASURE, "--out", "again"]) == 0
    assert sorted(path.name for path in (home / "again").glob("shrink.*")) == kept
    assert main(["measure", "tiny", "--try", "lexical", "--out", "again"]) == 0
    assert not list((home / "again").glob("shrink.*"))
    capsys.readouterr()
    assert main(["search", "again", "mend my kettle"]) == 0
    assert "searched as" not in capsys.readouterr().out


def test_the_same_use_of_test_is_counted_once(measured):
    uses = []
    for _ in range(2):
        assert main(["shrink", "verdict", "--keep", "0.7"]) == 0
        facts = json.loads((measured / "shrink.json").read_text(encoding="utf-8"))
        uses.append(facts["test_use"]["ordinal"])
    assert uses[0] == uses[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "holds no verdict of Tunewise"),
        (["tiny"], "holds no verdict of Tunewise"),
        (["verdict", "--keep", "2"], "share to keep is 2"),
        (["verdict", "--by", "disk"], "total or searched"),
        (["verdict", "--prefixes", "8,many"], "--prefixes takes numbers"),
        (["verdict", "--prefixes", "4096"], "A prefix of 4096 numbers"),
        (["words"], "compares no vectors"),
    ],
)
def test_a_mistake_gets_a_message_and_nothing_is_lost(measured, arguments, told, capsys):
    words = measured.parent / "words"
    if not words.exists():
        assert main([*MEASURE, "--try", "lexical,pretrained", "--out", "words"]) == 0
        facts = json.loads((words / "verdict.json").read_text(encoding="utf-8"))
        assert facts["contender"] == "lexical"
    before = {path: path.read_bytes() for path in measured.glob("shrink.*")}
    capsys.readouterr()
    assert main(["shrink", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert {path: path.read_bytes() for path in measured.glob("shrink.*")} == before
