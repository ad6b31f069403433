"""Every command as a user types it: exit code, what is printed, what is left on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import tunewise
from tunewise.cli import main

pytestmark = pytest.mark.usefixtures("home")

SCHEMA = Path(__file__).parents[2] / "docs" / "verdict.schema.json"
UNTUNED = ["--encoder", "word-hash", "--try", "lexical,pretrained,hybrid"]
COMMANDS = (
    "check",
    "measure",
    "forecast",
    "label",
    "tune",
    "negatives",
    "shrink",
    "compare",
    "search",
    "advise",
    "demo",
)


@pytest.fixture(scope="module")
def measured(home):
    """The folder that an untuned measurement wrote."""
    assert main(["measure", "tiny", *UNTUNED, "--out", "measured"]) == 0
    return home / "measured"


@pytest.fixture(scope="module")
def tuned(home):
    """The folder that a measurement with adapters wrote."""
    assert main(["measure", "tiny", "--encoder", "word-hash", "--out", "tuned"]) == 0
    return home / "tuned"


def facts_in(folder):
    return json.loads((folder / "verdict.json").read_text(encoding="utf-8"))


def printed(capsys, arguments):
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_check_prints_the_findings_and_changes_nothing(home, capsys):
    before = sorted(home.iterdir())
    out = printed(capsys, ["check", "tiny", "--encoder", "word-hash"])
    assert out.startswith("128 documents, 128 queries, 128 of them judged.")
    assert "D040 warning: Too few test queries" in out
    assert sorted(home.iterdir()) == before


def test_check_counts_queries_that_are_dealt_into_folds_once(home, capsys):
    rows = "".join(f"how {n} word{n},answer {n} word{n}\n" for n in range(12))
    (home / "few.csv").write_text(f"question,answer\n{rows}", encoding="utf-8")
    assert "Queries: 12. With 12" in printed(capsys, ["check", "few.csv", "--encoder", "word-hash"])


def test_measure_answers_first_and_says_where_the_report_is(home, capsys):
    out = printed(capsys, ["measure", "tiny", *UNTUNED, "--out", "told"])
    assert out.startswith("Cannot tell yet: ")
    assert "Report: told/report.html   Facts: told/verdict.json" in out
    assert 'tunewise search told "your words"' in out


def test_measure_leaves_a_verdict_a_report_and_the_winner(measured):
    assert {path.name for path in measured.iterdir()} == {
        "verdict.json", "report.html", "model", "base",
    }  # fmt: skip
    facts = facts_in(measured)
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(facts)
    saved = json.loads((measured / "model" / "tunewise.json").read_text(encoding="utf-8"))
    assert saved["name"] == "hybrid"
    assert [contender["name"] for contender in facts["contenders"]] == [
        "lexical", "pretrained", "hybrid",
    ]  # fmt: skip
    assert "</html>" in (measured / "report.html").read_text(encoding="utf-8")


def test_what_measure_leaves_can_be_read_as_the_users_umask_says(home):
    before = os.umask(0o022)
    try:
        assert main(["measure", "tiny", *UNTUNED, "--out", "shown"]) == 0
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (home / "shown").rglob("*.*")} == {0o644}


def test_measure_again_takes_the_place_of_what_it_wrote_and_leaves_the_rest(measured, capsys):
    before = facts_in(measured)
    (measured / "notes.txt").write_text("mine")
    printed(capsys, ["measure", "tiny", *UNTUNED, "--out", "measured"])
    after = facts_in(measured)
    before.pop("timing"), after.pop("timing")
    assert after == before
    assert (measured / "notes.txt").read_text() == "mine"
    (measured / "notes.txt").unlink()
    assert not list(measured.glob(".*"))


def test_options_of_measure_reach_the_verdict(home, capsys):
    options = ["--metric", "recall@5", "--worth", "0.1", "--target", "0.5", "--budget", "2m"]
    prices = ["--price", "judgment=2", "--price", "machine_hour=0"]
    prices += ["--corpus", "5000", "--traffic", "20", "--retunes", "4"]
    printed(capsys, ["measure", "tiny", *UNTUNED, *options, *prices, "--seed", "3", "--out", "opt"])
    facts = facts_in(home / "opt")
    assert facts["metric"] == "Recall@5"
    settings = json.dumps(facts)
    assert facts["settings"]["use"] == {
        "corpus": 5000, "traffic": 20.0, "retunes": 4.0, "changed": 0.2,
    }  # fmt: skip
    for told in ('"worth": 0.1', '"seed": 3', '"judgment": 2.0', '"machine_hour": 0.0'):
        assert told in settings


def test_without_out_the_folder_is_named_after_the_data(home, capsys):
    printed(capsys, ["measure", "tiny", *UNTUNED])
    assert facts_in(home / "tunewise-out" / "tiny")["answer"] == "cannot tell yet"


def test_a_task_in_files_of_other_names_is_measured(home, capsys):
    for old, new in (("corpus.jsonl", "texts.jsonl"), ("queries.jsonl", "asked.jsonl")):
        (home / new).write_bytes((home / "tiny" / old).read_bytes())
    (home / "judged.tsv").write_bytes((home / "tiny" / "qrels.tsv").read_bytes())
    files = ["--documents", "texts.jsonl", "--queries", "asked.jsonl"]
    out = printed(capsys, ["check", "judged.tsv", *files, "--encoder", "word-hash"])
    assert out.startswith("128 documents, 128 queries, 128 of them judged.")


def test_columns_can_be_named(home, capsys):
    rows = [f"how {n},why {n} is {n * n}" for n in range(40)]
    (home / "odd.csv").write_text("frage,antwort\n" + "\n".join(rows) + "\n")
    named = ["--column", "query=frage", "--column", "document=antwort"]
    out = printed(capsys, ["check", "odd.csv", *named, "--encoder", "word-hash"])
    assert out.startswith("40 documents, 40 queries")


def test_two_saved_folders_are_compared_on_the_same_queries(measured, capsys):
    out = printed(capsys, ["compare", "measured", "measured/base", "--on", "tiny"])
    assert "32 queries in 32 independent groups" in out
    [line] = [line for line in out.splitlines() if line.startswith("nDCG@10")]
    assert line.split()[3] == "+0.199"
    assert line.endswith("28/4/0")


def test_a_saved_folder_is_compared_with_an_encoder(measured, capsys):
    arguments = ["compare", "measured/base", "word-hash", "--on", "tiny", "--metric", "MRR@3"]
    line = printed(capsys, arguments).splitlines()[-1]
    assert line.split()[:4] == ["MRR@3", line.split()[1], line.split()[1], "0.000"]
    assert line.endswith("0/32/0")


def test_two_run_files_are_compared_on_every_judged_query(home, capsys):
    for name, shift in (("right", 0), ("wrong", 1)):
        rows = [f"q{n} Q0 d{(n + shift) % 128} 1 0.5 {name}\n" for n in range(128)]
        (home / f"{name}.run").write_text("".join(rows))
    out = printed(capsys, ["compare", "right.run", "wrong.run", "--on", "tiny"])
    assert "128 queries in 128 independent groups" in out
    [line] = [line for line in out.splitlines() if line.startswith("nDCG@10")]
    assert line.split()[1:4] == ["1.000", "0.000", "+1.000"]
    assert line.endswith("128/0/0")


def test_search_shows_base_and_winner_side_by_side(measured, capsys):
    out = printed(capsys, ["search", "measured", "mend a violin", "-k", "2"])
    head, _, first, text = out.splitlines()[:4]
    assert [side.strip() for side in head.split("│")] == ["pretrained", "hybrid"]
    assert [side.split()[1] for side in first.split("│")] == ["d4", "d4"]
    assert text.count("How to mend a violin") == 2
    assert len(out.split("\n\n")[0].splitlines()[0]) <= 100


def test_search_shows_one_list_where_the_winner_is_the_base(home, capsys):
    options = ["--encoder", "word-hash", "--try", "pretrained"]
    printed(capsys, ["measure", "tiny", *options, "--out", "plain"])
    out = printed(capsys, ["search", "plain", "paint a saddle", "-k", "1"])
    assert "│" not in out
    assert "How to paint a saddle" in out


def test_advise_needs_no_data_and_reckons_with_what_is_told(capsys):
    out = printed(capsys, ["advise", "--documents", "1000000", "--queries-per-month", "500"])
    assert "tunewise measure DATA" in out
    assert "1.54 GB" in out
    assert printed(capsys, ["advise"]) != out


def test_demo_takes_the_options_of_measure_and_no_data(capsys):
    with pytest.raises(SystemExit) as left:
        main(["demo", "DATA"])
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert "unrecognized arguments: DATA" in told
    assert told.startswith("usage: tunewise demo ")
    with pytest.raises(SystemExit) as left:
        main(["demo", "--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert all(option in told for option in ("--out", "--try", "--budget", "--encoder", "--seed"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_and_has_help_of_its_own(command, capsys):
    for arguments in (["--help"], [command, "--help"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
        assert command in capsys.readouterr().out


def test_who_names_no_command_is_shown_them_all(capsys):
    with pytest.raises(SystemExit) as left:
        main([])
    told = capsys.readouterr()
    assert (left.value.code, told.out) == (2, "")
    assert "do off-the-shelf embeddings suffice" in told.err


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"tunewise {tunewise.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["measure", "tiny", "--worth", "2%"], "--worth takes a number such as 0.02, not '2%'."),
        (
            ["index", "word-hash", "--depth", "x"],
            "--depth takes a whole number such as 0, not 'x'.",
        ),
        (["search", "won", "x", "-k", "1.5"], "-k takes a whole number such as 5, not '1.5'."),
        (["keys", "create", "--days", "many"], "--days takes a number, not 'many'."),
    ],
)
def test_what_is_no_number_is_told_in_one_line(arguments, told, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err == f"tunewise {arguments[0]}: error: {told}\n"


@pytest.mark.parametrize("arguments", [[], ["meassure", "tiny"], ["search"]])
def test_an_unfinished_command_line_is_refused_with_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("usage: tunewise")


def run_it(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "tunewise", *arguments],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
    )


def test_a_terminal_without_unicode_still_shows_everything(measured):
    ended = run_it("search", "measured", "mend a violin", PYTHONIOENCODING="ascii")
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False)
    assert b"violin" in ended.stdout


def test_a_reader_that_leaves_early_hears_no_complaint():
    command = f"{sys.executable} -m tunewise advise | head -n 1"
    ended = subprocess.run(command, shell=True, capture_output=True, timeout=60)
    assert (ended.stdout.count(b"\n"), ended.stderr) == (1, b"")


@pytest.mark.slow
def test_measure_with_adapters_leaves_a_verdict_that_fits_the_schema(tuned):
    facts = facts_in(tuned)
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(facts)
    assert len(facts["contenders"]) == 7
    assert facts["answer"].split(" with ")[0] in ("suffices", "tune", "cannot tell yet")


@pytest.mark.slow
def test_a_tuned_winner_is_searched_and_compared(tuned, measured, capsys):
    assert "│" in printed(capsys, ["search", "tuned", "fix my old kettle"])
    out = printed(capsys, ["compare", "tuned", "measured", "--on", "tiny"])
    assert out.startswith("A = tuned\nB = measured\n32 queries")


@pytest.mark.slow
def test_the_same_seed_twice_gives_the_same_bytes_but_for_times(tuned):
    first = facts_in(tuned)
    assert main(["measure", "tiny", "--encoder", "word-hash", "--out", "tuned"]) == 0
    second = facts_in(tuned)
    assert first.pop("timing") != second.pop("timing")
    assert json.dumps(first) == json.dumps(second)


@pytest.mark.slow
def test_demo_measures_what_it_made_and_leaves_the_data_beside_the_verdict(home, capsys):
    options = ["--encoder", "word-hash", "--try", "pretrained"]
    out = printed(capsys, ["demo", *options, "--out", "demo"])
    assert "made from the documentation of installed packages" in out
    assert len(tunewise.read_task(home / "demo" / "data").queries) > 1000
    assert facts_in(home / "demo")["data"]["source"].startswith("docstrings:")
