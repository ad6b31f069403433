"""The documentation is true: commands run, examples give what they say, tables agree with code."""

import ast
import doctest
import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import tunewise
from tunewise.cli import parser
from tunewise.contenders import TABLE
from tunewise.data import check as checks
from tunewise.data import columns, examples, histories, making, read, split
from tunewise.encoders.endpoint import KEYS
from tunewise.metrics import parse_metric
from tunewise.querylog import QueryLog
from tunewise.training.losses import LOSSES
from tunewise.verdict import CANNOT_TELL, SUFFICES, TUNE
from tunewise.verdict.target import USUAL_MARKS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tunewise"
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("benchmarks/*.md")])
README = ROOT / "README.md"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return [body for named, body in _BLOCK.findall(text(path)) if named == language]


def called(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def rows(markdown: str) -> Iterator[list[str]]:
    """The cells of every row of every table, heads and rules left out."""
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.strip().startswith("|") and not set(line) <= set("|- "):
            yield cells


def table(markdown: str, head: str) -> dict[str, list[str]]:
    """First cell → the others, for the rows of tables whose head begins with this."""
    found: dict[str, list[str]] = {}
    inside = False
    for line in markdown.splitlines():
        if not line.strip().startswith("|"):
            inside = False
        elif line.strip().startswith(f"| {head} |"):
            inside = True
        elif inside and (cells := next(rows(line), None)):
            found[cells[0]] = cells[1:]
    return found


# README


def test_the_readme_is_short_and_shows_a_result_by_line_30() -> None:
    lines = text(README).splitlines()
    assert len(lines) < 150
    shown = lines.index("```text") + 1
    assert shown < 30
    assert lines.index("make demo") < shown


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))
    named = {
        target
        for path in PAGES
        for block in [*blocks(path, "shell"), *blocks(path, ""), *re.findall("`[^`]+`", text(path))]
        for target in re.findall(r"^`?make ([a-z]+)", block, re.MULTILINE)
    }
    assert named >= {"demo", "test"}
    assert named <= targets


@pytest.mark.slow
def test_the_commands_and_the_python_of_the_readme_run(tmp_path: Path) -> None:
    shell = [block for block in blocks(README, "shell") if not block.startswith("make")]
    told = run(["bash", "-e", "-c", "\n".join(shell)], tmp_path)
    for line in expected_lines():
        assert line in told
    (tmp_path / "example.py").write_text("\n".join(blocks(README, "python")), encoding="utf-8")
    assert "(1, 384)" in run([sys.executable, "example.py"], tmp_path)
    assert (tmp_path / "tunewise-out/by-hand/report.html").is_file()


def expected_lines() -> list[str]:
    """What README shows as printed, but for the demo, which takes minutes."""
    shown = [line for block in blocks(README, "text")[1:] for line in block.splitlines()]
    assert shown
    return shown


def run(command: list[str], folder: Path) -> str:
    """What the command prints; it has the real encoder, an own cache, and no network."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TUNEWISE_CACHE": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "100",
    }
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# Commands, examples, links


def commands() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        found = "\n".join(blocks(path, "shell")).replace("\\\n", " ")
        yield from ((called(path), line) for line in re.findall(r"^tunewise .*", found, re.M))


@pytest.mark.parametrize(("page", "command"), list(commands()))
def test_a_command_that_is_shown_is_understood(page: str, command: str) -> None:
    del page
    parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("page", GUIDE, ids=called)
def test_the_examples_of_the_guide_give_what_they_say(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    for name, body in _FILE.findall(text(page)):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(body, encoding="utf-8")
    examples = [block for block in blocks(page, "python") if ">>>" in block]
    test = doctest.DocTestParser().get_doctest("\n".join(examples), {}, called(page), None, 0)
    assert failures(test) == ""


@pytest.mark.slow
def test_the_collection_of_the_guide_is_made_and_the_next_time_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    word_model: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "fees.md").write_text("# Fees\n\nWho has to pay can pay at the desk.\n")
    page = ROOT / "docs/guide/collections.md"
    [shown] = [block for block in blocks(page, "python") if "faq.search(" in block]
    for _ in range(2):
        exec(shown.replace("all-MiniLM-L6-v2", str(word_model)), {})
    first, *rest = capsys.readouterr().out.split("# Fees")
    assert "fees.md" in first
    assert len(rest) == 2


def test_the_query_log_of_the_guide_is_read_and_becomes_judgments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs/guide/search_api.md"
    (tmp_path / "docs").mkdir()
    for name, body in _FILE.findall(text(page)):
        (tmp_path / "docs" / name).write_text(body, encoding="utf-8")
    log = QueryLog(tmp_path / "state" / "queries.db", texts=True)
    for grades in ({"loans.md#0": 1.0, "loans.md#1": 2.0}, {"loans.md#0": 0.0}, {}):
        found = [("loans.md#0", 0.9), ("loans.md#1", 0.4)]
        log.add_feedback(log.record("help", "0" * 16, found, words="how long?"), grades)
    log.close()
    shown = [block for block in blocks(page, "python") if "log.read(" in block]
    exec("\n".join(shown), {})
    assert "how long? [('loans.md#0', 0.9), ('loans.md#1', 0.4)]" in capsys.readouterr().out
    task = tunewise.read_task("judged")
    assert (list(task.queries.texts), task.judgments) == (["how long?"], {"q0": {"loans.md": 2.0}})
    assert "Books are lent for three weeks." in task.documents.text("loans.md")


@pytest.mark.parametrize("page", PAGES, ids=called)
def test_python_that_is_shown_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        if ">>>" not in block and "docs/reference" not in called(page):
            ast.parse(block)


def modules() -> list[str]:
    """Modules whose source shows an example; which it is, the test finds out."""
    return [dotted(path) for path in sorted(SOURCE.rglob("*.py")) if ">>> " in text(path)]


def dotted(path: Path) -> str:
    inside = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(inside[:-1] if inside[-1] == "__init__" else inside)


def docstrings(module: object) -> list[doctest.DocTest]:
    return doctest.DocTestFinder(exclude_empty=True).find(module)


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_give_what_they_say(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    tests = docstrings(importlib.import_module(name))
    assert any(test.examples for test in tests)
    for test in tests:
        assert failures(test) == ""


@pytest.mark.slow
def test_every_module_can_be_imported() -> None:
    names = [dotted(path) for path in SOURCE.rglob("*.py") if path.stem != "__main__"]
    assert [name for name in names if importlib.import_module(name).__name__ != name] == []


def failures(test: doctest.DocTest) -> str:
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    return "".join(told)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=called)
def test_no_two_headings_of_a_reference_are_the_same(page: Path) -> None:
    headings = [line for line in text(page).splitlines() if line.startswith("### ")]
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("page", PAGES, ids=called)
def test_links_lead_somewhere(page: Path) -> None:
    plain = _BLOCK.sub("", text(page))
    broken = [
        link
        for link in re.findall(r"\]\(([^)\s]+)\)", plain)
        if not link.startswith(("http://", "https://", "mailto:")) and not leads(page, link)
    ]
    assert broken == []


def leads(page: Path, link: str) -> bool:
    place, _, heading = link.partition("#")
    target = (page.parent / place).resolve() if place else page
    return target.exists() and (not heading or heading in headings(target))


def headings(page: Path) -> set[str]:
    """The names by which a page's headings are linked, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _BLOCK.sub("", text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_no_page_knows_the_machine_it_was_written_on() -> None:
    places = re.compile(r"(?<![\w.~])/(home|root|work|tmp|Users)/")
    assert [called(page) for page in PAGES if places.search(text(page))] == []


def test_every_page_of_the_guide_is_in_its_index() -> None:
    index = text(ROOT / "docs/guide/index.md")
    assert [page.name for page in GUIDE if f"({page.name})" not in index] == ["index.md"]


# Tables that say what the code says


def finding_tables() -> Mapping[str, list[str]]:
    told: dict[str, list[str]] = {}
    for module in (read, checks, split, examples, making, histories):
        told |= table(module.__doc__ or "", "code")
    return told


def test_every_finding_is_explained_as_the_code_explains_it() -> None:
    guide = table(text(ROOT / "docs/guide/findings.md"), "code")
    assert {code: cells[:2] for code, cells in guide.items()} == finding_tables()
    assert all(len(cells) == 3 and cells[2] for cells in guide.values())


@cache
def constants() -> frozenset[str]:
    """Every constant in the source, as a text."""
    return frozenset(
        str(node.value)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Constant)
    )


def test_every_code_that_can_be_found_is_explained_and_no_other() -> None:
    raised = {each for each in constants() if re.fullmatch(r"D\d{3}", each)}
    assert raised == set(finding_tables())


def test_the_reference_is_what_the_program_says_now() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    stale = [name for name, made in pages.items() if made != text(ROOT / "docs/reference" / name)]
    assert stale == [], "run: make reference"


def test_the_guide_has_every_role_and_no_name_that_is_not_recognised() -> None:
    told = table(text(ROOT / "docs/guide/data.md"), "role")
    assert set(told) == set(columns.ROLES)
    kinds = (columns.PAIRS, columns.DOCUMENTS, columns.QUERIES, columns.CLICKS)
    for role, (names,) in told.items():
        known = {name for kind in kinds for name in kind.names.get(role, ())}
        shown = re.sub(r"; in a \w+ file also|\(.*\)|, and these with a number|, …", ",", names)
        assert {name.strip() for name in shown.split(",") if name.strip()} <= known


def test_the_guide_has_every_contender_that_can_be_tried() -> None:
    names = {name for cell in table(text(ROOT / "docs/guide/verdict.md"), "name")
             for name in re.findall(r"`([\w-]+)`", cell)}  # fmt: skip
    assert set(TABLE) <= {name.partition("-")[0] for name in names}


def test_the_guide_has_the_answers_the_marks_and_the_metrics() -> None:
    page = text(ROOT / "docs/guide/verdict.md")
    answers = {TUNE, SUFFICES, f"{SUFFICES} with hybrid", CANNOT_TELL}
    assert {cell.strip("`") for cell in table(page, "answer")} == answers
    for kind, mark in USUAL_MARKS.items():
        assert f"{kind} {mark:.2f}" in page
    for name in re.findall(r"^\| `(\w+(?:@k)?)` \|", page.partition("## The metrics")[2], re.M):
        if "@k" in name or name == "Rprec":
            assert parse_metric(name.replace("@k", "@10")).name == name.replace("@k", "@10")


def test_the_glossary_has_the_answers_and_the_contenders() -> None:
    page = text(ROOT / "docs/glossary.md")
    assert {TUNE, SUFFICES, CANNOT_TELL} <= set(table(page, "answer"))
    assert set(TABLE) <= set(table(page, "word"))


def test_the_guide_has_every_loss_and_the_data_it_goes_with() -> None:
    told = table(text(ROOT / "docs/guide/tuning.md"), "word")
    assert {name for cell in told for name in re.findall(r"`([\w-]+)`", cell)} == set(LOSSES)


def test_the_guide_names_every_variable_that_is_looked_at() -> None:
    looked_at = {each for each in constants() if re.fullmatch(r"TUNEWISE_[A-Z_]+", each)}
    page = text(ROOT / "docs/guide/encoders.md")
    assert [name for name in {*looked_at, *KEYS} if f"`{name}`" not in page] == []


def test_the_version_is_told_once() -> None:
    assert f'version = "{tunewise.__version__}"' in text(ROOT / "pyproject.toml")
