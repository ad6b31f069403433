"""The demo's task: summary sentences as queries, the rest of the documentation as documents."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tunewise.data.docstrings import DEFAULT_PACKAGES, MOST_ANSWERS, docstring_task
from tunewise.errors import DataError, OptionError

REST = """Every row is visited once and the values found are kept in memory, so that a second
    call with equal arguments returns at once and reads nothing."""

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Writes an installed package of these files and gives its name."""

    def write(name: str, **files: str) -> str:
        folder = tmp_path / "site" / name
        for path, text in {"__init__": "", **files}.items():
            file = folder / f"{path.replace('__in__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return name

    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return write


def function(name: str, summary: str, rest: str = REST) -> str:
    return f'def {name}():\n    """{summary}\n\n    {rest}\n    """\n\n\n'


KEPT = function("keep", "Reads a table from a file.", "Something else. " + REST)


def test_the_first_sentence_is_the_query_and_the_rest_the_document(package: Package) -> None:
    task = docstring_task([package("pkg_a", reading=function("load", "Reads a table of rows."))])
    assert list(task.queries.ids) == list(task.documents.ids) == ["pkg_a.reading.load"]
    assert task.queries.texts[0] == "Reads a table of rows."
    assert task.documents.texts[0] == REST.replace("\n    ", "\n")  # dedented
    assert task.judgments == {"pkg_a.reading.load": {"pkg_a.reading.load": 1.0}}
    assert task.groups == {"pkg_a.reading.load": "pkg_a.reading"}
    assert task.source == "docstrings:pkg_a"


def test_a_document_holds_neither_the_sentence_nor_the_name(package: Package) -> None:
    task = docstring_task([package("pkg_b", a=function("frobnicate", "Reads a table of rows."))])
    assert "frobnicate" not in task.documents.texts[0]
    assert "Reads a table" not in task.documents.texts[0]


@pytest.mark.parametrize(
    ("opening", "sentence", "left"),
    [
        ("Read rows, e.g. from a file. It is fast.", "Read rows, e.g. from a file.", "It is fast."),
        ("Read many\n    rows at once", "Read many rows at once", ""),
        ("Read version 1.5 of the format.", "Read version 1.5 of the format.", ""),
        ("Is the file empty? Then stop.", "Is the file empty?", "Then stop."),
        ("Return a :class:`~pkg.Row` of ``n`` rows.", "Return a pkg.Row of n rows.", ""),
    ],
)
def test_a_sentence_ends_where_a_reader_would_end_it(
    package: Package, opening: str, sentence: str, left: str
) -> None:
    task = docstring_task([package("pkg_c", a=function("load", opening))])
    assert task.queries.texts[0] == sentence
    assert task.documents.texts[0].startswith(left or "Every row")


@pytest.mark.parametrize(
    "junk",
    [
        function("f", "Fit the model."),
        function("f", "Reads a table of rows.", "Nothing more to say."),
        function("f", "Reads a table of rows.", ">>> import pkg\n    " * 20),
        function("f", "f(a, b) -> the table of all rows"),
        function("f", "Deprecated in favour of the other function."),
        function("f", "See the function that reads tables."),
        function("f", ":param a: the table of all rows"),
        function("f", "Reads a table of {klass} rows."),
        function("f", "A heading of four words\n    ======================="),
        function("f", "Reads a table of rows.", f"{REST} It reads a table of rows."),
        function("_f", "Reads a table of rows."),
        f"class _C:\n    {function('f', 'Reads a table of rows.', 'x').strip()}\n",
        "def f():\n    pass\n",
        "def broken(:\n",
    ],
)
def test_documentation_that_would_ask_nothing_sensible_is_left_out(
    package: Package, junk: str
) -> None:
    task = docstring_task([package("pkg_d", a=junk, b=KEPT)])
    assert list(task.queries.ids) == list(task.documents.ids) == ["pkg_d.b.keep"]


def test_templates_that_are_filled_at_import_leave_no_trace(package: Package) -> None:
    text = function("load", "Reads a table of rows.", f"%(before)s\n\n    {REST}")
    task = docstring_task([package("pkg_e", a=text)])
    assert task.documents.texts[0].startswith("Every row")


def test_methods_and_classes_count_and_modules_with_an_underscore_do_too(package: Package) -> None:
    body = function("load", "Reads a table of rows.").replace("\n    ", "\n        ")
    text = f'class Table:\n    """Holds the rows of a file.\n\n    Other. {REST}"""\n\n    {body}'
    task = docstring_task([package("pkg_f", _core=text)])
    assert list(task.queries.ids) == ["pkg_f._core.Table", "pkg_f._core.Table.load"]


def test_tests_examples_and_vendored_code_are_not_read(package: Package) -> None:
    files = {
        f"{folder}__in__a": function("f", "Reads a table of rows.")
        for folder in ("tests", "_vendor", "examples", "externals")
    }
    task = docstring_task([package("pkg_g", b=KEPT, **files)])
    assert list(task.queries.ids) == ["pkg_g.b.keep"]


def test_a_sentence_of_several_documents_is_one_query_with_all_of_them(package: Package) -> None:
    one = function("one", "Reads a table of rows.", "One. " + REST)
    two = function("two", "reads a table of rows", "Two. " + REST)
    task = docstring_task([package("pkg_h", a=one, b=two)])
    assert task.judgments == {"pkg_h.a.one": {"pkg_h.a.one": 1.0, "pkg_h.b.two": 1.0}}


def test_equal_documents_are_one_document(package: Package) -> None:
    one = function("one", "Reads a table of rows.")
    two = function("two", "Gets all rows of a table.")
    task = docstring_task([package("pkg_i", a=one + two)])
    assert list(task.documents.ids) == ["pkg_i.a.one"]
    assert task.judgments == {
        "pkg_i.a.one": {"pkg_i.a.one": 1.0},
        "pkg_i.a.two": {"pkg_i.a.one": 1.0},
    }


def test_a_sentence_that_opens_more_documents_than_five_is_no_query(package: Package) -> None:
    same = [
        function(f"f{n}", "Fit the model to data.", f"Number {n}. {REST}")
        for n in range(MOST_ANSWERS + 1)
    ]
    task = docstring_task([package("pkg_j", a="".join(same), b=KEPT)])
    assert list(task.documents.ids) == ["pkg_j.b.keep"]
    assert len(docstring_task([package("pkg_k", a="".join(same[1:]))]).documents) == MOST_ANSWERS


def test_of_two_definitions_with_one_name_the_first_counts(package: Package) -> None:
    text = function("f", "Reads a table of rows.") + function("f", "Writes a table of rows.")
    task = docstring_task([package("pkg_l", a=text)])
    assert list(task.queries.texts) == ["Reads a table of rows."]


def test_no_code_of_the_packages_runs(package: Package) -> None:
    name = package("pkg_m", a="raise RuntimeError('imported')\n" + KEPT)
    docstring_task([name])
    assert name not in sys.modules


def test_a_module_of_one_file_is_a_package_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "single_file.py").write_text(KEPT, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(docstring_task(["single_file"]).queries.ids) == ["single_file.keep"]


def test_the_limit_samples_documents_and_keeps_the_queries_they_answer() -> None:
    whole = docstring_task(["email"])
    part = docstring_task(["email"], limit=20)
    assert len(whole.documents) > 20 == len(part.documents)
    assert set(part.documents.ids) < set(whole.documents.ids)
    answers = {document for answer in part.judgments.values() for document in answer}
    assert answers == set(part.documents.ids)
    assert set(part.queries.ids) == set(part.judgments) == set(part.groups)


def test_the_same_call_gives_the_same_task_and_another_seed_another() -> None:
    assert docstring_task(["email"]).fingerprint == docstring_task(["email"]).fingerprint
    one, same, other = (docstring_task(["email"], limit=20, seed=seed) for seed in (0, 0, 1))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(DataError, match="'no_such_package' is not installed"):
        docstring_task(["json", "no_such_package"])


def test_a_package_without_documentation_is_an_error(package: Package) -> None:
    with pytest.raises(DataError, match=r"No usable documentation.*pkg_n"):
        docstring_task([package("pkg_n", a="x = 1\n")])


@pytest.mark.parametrize("name", ["os.path", "../json", ""])
def test_a_name_that_is_not_of_a_top_level_package_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="not the name of a top-level package"):
        docstring_task([name])


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(OptionError, match="limit of 0"):
        docstring_task(["json"], limit=0)


@pytest.mark.slow
def test_every_machine_has_thousands_of_queries_in_hundreds_of_groups() -> None:
    task = docstring_task(limit=100_000)
    assert task.source == "docstrings:" + ",".join(DEFAULT_PACKAGES)
    assert len(task.queries) > 5_000
    assert len(set(task.groups.values())) > 500
    assert len(set(task.documents.texts)) == len(task.documents)
    assert all(1 <= len(answers) <= MOST_ANSWERS for answers in task.judgments.values())
