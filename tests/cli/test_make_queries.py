"""`tunewise measure --make-queries`: documents alone, from the command to what is left on disk."""

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import tunewise
from tunewise.cli import main
from tunewise.testing import tiny_task

pytestmark = pytest.mark.usefixtures("home")

SCHEMA = Path(__file__).parents[2] / "docs" / "verdict.schema.json"
UNTUNED = ["--encoder", "word-hash", "--try", "lexical,pretrained,hybrid"]


@pytest.fixture(scope="module")
def documents(home):
    """A folder with documents, their titles, and nothing else."""
    task = tiny_task()
    folder = home / "docs"
    folder.mkdir()
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for key, query, text in zip(
            task.documents.ids, task.queries.texts, task.documents.texts, strict=True
        ):
            file.write(json.dumps({"_id": key, "title": query, "text": text}) + "\n")
    return folder


@pytest.fixture(scope="module")
def measured(documents, home):
    """What measuring with made queries left."""
    assert main(["measure", "docs", "--make-queries", "auto", *UNTUNED,
                 "--out", "first"]) == 0  # fmt: skip
    return home / "first"


def facts_in(folder):
    return json.loads((folder / "verdict.json").read_text(encoding="utf-8"))


def test_every_form_of_the_verdict_says_that_it_is_provisional(measured):
    facts = facts_in(measured)
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(facts)
    assert facts["provisional"]["way"] == "titles"
    assert facts["sentence"].startswith("Provisional: ")
    assert facts["sentence"].endswith("label about 100 real queries before you act on it.")
    page = (measured / "report.html").read_text(encoding="utf-8")
    assert f"<h1>{facts['provisional']['headline']}</h1>" in page
    assert "Label about 100 real queries before you act on it, and measure on those." in page


def test_the_terminal_says_where_the_made_queries_are(documents, capsys):
    assert main(["measure", "docs", "--make-queries", "titles", *UNTUNED, "--out", "told"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("128 queries made, titles of documents (asked for). Look at them in ")
    assert "\nProvisional: cannot tell yet: no tuned contender was measured." in out
    assert "D090 warning: Queries were made of the documents, not asked by people (128)" in out


def test_the_made_task_is_read_like_any_other_and_stays_provisional(measured, home, capsys):
    assert main(["check", "first/made", "--encoder", "word-hash"]) == 0
    assert "D090 warning" in capsys.readouterr().out
    assert facts_in(measured)["reproduce"].startswith("tunewise measure first/made --encoder")
    assert main(["measure", "first/made", *UNTUNED, "--out", "again"]) == 0
    assert facts_in(home / "again")["provisional"]["kept"] == 128
    assert main(["search", "first", "kettle"]) == 0


def test_made_queries_that_somebody_mended_are_not_made_again(measured, home, capsys):
    shutil.copytree(measured / "made", home / "mended" / "made")
    queries = home / "mended" / "made" / "queries.jsonl"
    queries.write_text(queries.read_text("utf-8").replace("my old kettle", "a kettle"), "utf-8")
    asked = ["measure", "docs", "--make-queries", "auto", *UNTUNED, "--out", "mended"]
    assert main(asked) == 2
    assert "have been changed since they were made" in capsys.readouterr().err
    assert "a kettle" in queries.read_text("utf-8")
    assert main([*asked, "--save-made", "elsewhere"]) == 0
    assert tunewise.read_task("elsewhere").made["way"] == "titles"


def test_what_is_made_in_python_says_how_to_make_it_again(documents, home):
    task = tunewise.make_task("docs", encoder=tunewise.load_encoder("word-hash"), most=64)
    families = ["lexical", "pretrained"]
    verdict = tunewise.measure(task, encoders=["word-hash"], contenders=families)
    facts = tunewise.save_verdict(verdict, home / "by-hand")
    assert "measure docs --make-queries titles --make-most 64 --encoder" in facts["reproduce"]


@pytest.mark.slow
def test_a_card_of_a_model_tuned_on_made_queries_says_so(measured, home):
    assert main(["tune", "first/made", "--rung", "adapter", "--encoder", "word-hash",
                 "--keep", "none", "--out", "tuned"]) == 0  # fmt: skip
    card = (home / "tuned" / "README.md").read_text(encoding="utf-8")
    assert "**Provisional.** Queries were made of the documents, not asked by people." in card


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["docs"], "queries can be made of them: --make-queries auto"),
        (["docs", "--make-queries", "rhymes"], "Queries cannot be made by 'rhymes'"),
        (["docs", "--make-queries", "llm"], "Give --llm-url URL and --llm-model NAME"),
        (["docs", "--make-queries", "llm", "--llm-url", "http://127.0.0.1/v1"], "has no name"),
        (
            ["docs", "--make-queries", "titles", "--llm-url", "http://a.b/v1", "--llm-model", "m"],
            "made by 'titles', which asks none",
        ),
        (["docs", "--make-queries", "auto", "--queries", "q.csv"], "for documents alone"),
        (["tiny", "--save-made", "elsewhere"], "--save-made says how queries are made"),
        (["tiny", "--llm-model", "m"], "--llm-model says how queries are made"),
    ],
)
def test_what_makes_no_sense_is_refused(documents, capsys, arguments, what):
    assert main(["measure", *arguments, "--encoder", "word-hash", "--out", "refused"]) == 2
    assert what in capsys.readouterr().err
