"""`tunewise label`: from a verdict to a file, from the filled file to another verdict."""

import csv
import json
from dataclasses import replace

import pytest

import tunewise
from tunewise.cli import main
from tunewise.contenders import load_contender
from tunewise.metrics import score
from tunewise.testing import tiny_task

pytestmark = pytest.mark.usefixtures("home")

UNTUNED = ["--encoder", "word-hash", "--try", "lexical,pretrained,hybrid"]
UNJUDGED = 40


@pytest.fixture(scope="module")
def measured(home):
    """A verdict on a task of which forty queries have no judgments."""
    whole = tiny_task()
    known = {q: grades for q, grades in whole.judgments.items() if int(q[1:]) >= UNJUDGED}
    tunewise.write_task(replace(whole, judgments=known), home / "partly")
    assert main(["measure", "partly", *UNTUNED, "--out", "measured"]) == 0
    return home / "measured"


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def grade(path, queries=None):
    """Fills in the file as somebody who knows the answers would, for so many of its queries."""
    rows = rows_of(path)
    asked = list(dict.fromkeys(row["query_id"] for row in rows))[:queries]
    for row in rows:
        if row["query_id"] in asked:
            row["grade"] = str(int(row["document_id"][1:] == row["query_id"][1:]))
    write(path, rows)
    return asked


def facts_in(folder):
    return json.loads((folder / "verdict.json").read_text(encoding="utf-8"))


def printed(capsys, arguments):
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_a_verdict_is_labelled_for_and_measured_again(home, measured, capsys):
    out = printed(capsys, ["label", "measured", "-n", "20", "--out", "a.csv"])
    assert out.startswith("20 of 40 unlabelled queries, drawn by how much pretrained and lexical")
    assert "--try lexical,pretrained,hybrid --seed 0 --labels a.csv" in out
    rows = rows_of(home / "a.csv")
    assert f"{len(rows)} rows to grade" in out
    weights = {row["query_id"]: float(row["weight"]) for row in rows}
    assert sum(weights.values()) == pytest.approx(20, abs=1e-3)
    assert len(set(weights.values())) > 5
    asked = grade(home / "a.csv", 15)
    again = [*UNTUNED, "--labels", "a.csv", "--out", "again"]
    assert "D016" in printed(capsys, ["check", "partly", *UNTUNED[:2], "--labels", "a.csv"])
    printed(capsys, ["measure", "partly", *again])
    before, after = facts_in(measured), facts_in(home / "again")
    answered = {row["query_id"] for row in rows_of(home / "a.csv") if row["grade"] == "1"}
    assert after["data"]["split"]["test"] == before["data"]["split"]["test"] + len(answered)
    assert after["data"]["test_use"]["ordinal"] == 2  # the same test queries, with others beside
    assert [f["count"] for f in after["findings"] if f["code"] == "D016"] == [5]
    assert "--labels a.csv" in after["reproduce"]
    part = tunewise.read_task("partly", labels="a.csv")
    assert part.weights == {query: weights[query] for query in asked}
    assert "How to" in printed(capsys, ["search", "again", "mend a violin", "-k", "1"])


def test_the_figures_of_a_labelled_verdict_are_weighted(home, measured):
    main(["label", "measured", "-n", "20", "--out", "heavy.csv"])
    grade(home / "heavy.csv")
    rows = rows_of(home / "heavy.csv")
    heavy = next(row["query_id"] for row in rows if row["grade"] == "1")
    weighed = [row | {"weight": "19000" if row["query_id"] == heavy else "1e-7"} for row in rows]
    write(home / "heavy.csv", weighed)
    main(["measure", "partly", *UNTUNED, "--labels", "heavy.csv", "--out", "heavy"])
    task = tunewise.read_task("partly", labels="heavy.csv")
    winner = load_contender(home / "heavy" / "model", task.documents)
    alone = winner.rank(task.queries.take([task.queries.position[heavy]]))
    expected = score(alone, {heavy: task.judgments[heavy]}, ["nDCG@10"]).mean("nDCG@10")
    told = {one["name"]: one["scores"] for one in facts_in(home / "heavy")["contenders"]}
    assert told[winner.name]["nDCG@10"]["mean"] == pytest.approx(expected, abs=2e-3)
    [found] = tunewise.compare("heavy", "heavy/base", on=task, metrics=["nDCG@10"])
    assert found.first == pytest.approx(expected, abs=2e-3)


@pytest.mark.slow
def test_a_second_round_keeps_the_first_and_draws_from_the_rest(home, measured, capsys):
    main(["label", "measured", "-n", "10", "--out", "one.csv"])
    first = grade(home / "one.csv")
    main(["measure", "partly", *UNTUNED, "--labels", "one.csv", "--out", "round"])
    out = printed(capsys, ["label", "round", "-n", "10", "--out", "two.csv"])
    assert out.splitlines()[-4].startswith("10 of 30 unlabelled queries")
    assert "The 10 labelled before come first, with their grades." in out
    rows = rows_of(home / "two.csv")
    asked = list(dict.fromkeys(row["query_id"] for row in rows))
    assert len(asked) == 20
    assert set(asked[:10]) == set(first)
    assert {row["grade"] != "" for row in rows if row["query_id"] in first} == {True}
    assert {row["grade"] for row in rows if row["query_id"] not in first} == {""}
    grade(home / "two.csv")
    main(["measure", "partly", *UNTUNED, "--labels", "two.csv", "--out", "second"])
    assert len(tunewise.read_task("partly", labels="two.csv").weights) == 20


def test_queries_can_come_from_a_file(home, measured, capsys):
    (home / "log.txt").write_text("".join(f"borrow a {n} kettle\n" for n in range(30)))
    out = printed(capsys, ["label", "measured", "--queries", "log.txt", "-n", "99",
                           "--out", "log.csv", "--on", str(home / "partly")])  # fmt: skip
    assert out.startswith("30 of 30 unlabelled queries")
    rows = rows_of(home / "log.csv")
    assert {row["weight"] for row in rows} == {"1.000000"}
    write(home / "log.csv", [row | {"grade": str(n % 2)} for n, row in enumerate(rows)])
    assert "158 queries, 118 of them judged" in printed(
        capsys, ["check", "partly", "--labels", "log.csv", "--encoder", "word-hash"]
    )


def test_as_many_are_drawn_as_the_verdict_asks_for(home, measured, capsys):
    told = facts_in(measured) | {"needed": {"queries": 40, "have": 33, "more": 7, "why": ""}}
    (measured / "verdict.json").write_text(json.dumps(told), encoding="utf-8")
    assert printed(capsys, ["label", "measured", "--out", "seven.csv"]).startswith("7 of 40")
    (measured / "verdict.json").write_text(json.dumps(told | {"needed": None}), encoding="utf-8")
    assert printed(capsys, ["label", "measured", "--out", "all.csv"]).startswith("40 of 40")


@pytest.mark.slow
def test_while_nobody_can_tell_the_tuned_contender_is_kept_to_be_labelled_against(
    home, measured, capsys
):
    options = ["--encoder", "word-hash", "--try", "pretrained,adapter"]
    main(["measure", "partly", *options, "--out", "open"])
    gain = facts_in(home / "open")["gain"]
    undecided = (gain["difference"] + gain["high"]) / 2  # neither reached nor ruled out
    main(["measure", "partly", *options, "--worth", f"{undecided:.4f}", "--out", "open"])
    facts = facts_in(home / "open")
    assert facts["answer"] == "cannot tell yet"
    assert (home / "open" / "rival" / "tunewise.json").is_file()
    out = printed(capsys, ["label", "open", "-n", "5", "--out", "open.csv"])
    assert f"{facts['best_untuned']} and {facts['best_tuned']} disagree" in out
    main(["measure", "partly", *UNTUNED, "--out", "open"])
    assert not (home / "open" / "rival").exists()


def test_a_file_that_is_there_is_not_written_over(home, measured, capsys):
    (home / "mine.csv").write_text("grades")
    assert main(["label", "measured", "--out", "mine.csv"]) == 2
    assert "'mine.csv' is there already" in capsys.readouterr().err
    assert (home / "mine.csv").read_text() == "grades"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["partly"], "holds no verdict"),
        (["measured", "-n", "0"], "-n is 0"),
        (["measured", "--queries", "none.txt"], "Cannot read"),
        (["measured", "--seed", "-1"], "seed=-1"),
        (["full"], "no query without judgments"),
    ],
)
def test_what_cannot_be_done_is_said(home, measured, capsys, arguments, told):
    if arguments == ["full"]:
        main(["measure", "tiny", *UNTUNED, "--out", "full"])
    assert main(["label", *arguments, "--out", "no.csv"]) == 2
    assert told in capsys.readouterr().err
    assert not (home / "no.csv").exists()


def test_a_mistake_in_a_label_file_is_named_with_its_line(home, measured, capsys):
    main(["label", "measured", "-n", "3", "--out", "words.csv"])
    (home / "words.csv").write_text(
        (home / "words.csv").read_text(encoding="utf-8-sig").replace(",,", ",good,", 1)
    )
    assert main(["measure", "partly", *UNTUNED, "--labels", "words.csv", "--out", "no"]) == 2
    assert "Line 2 of 'words.csv' has the grade 'good'" in capsys.readouterr().err
    assert not (home / "no").exists()
