"""What `import tunewise` promises: its names, their words, and that it is quick to import."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tunewise
from tunewise.testing import tiny_task

ROOT = Path(__file__).parents[1]
NAMES = [name for name in tunewise.__all__ if name != "__version__"]
PUBLIC = {name: getattr(tunewise, name) for name in NAMES}
FUNCTIONS = {name: each for name, each in PUBLIC.items() if inspect.isfunction(each)}
CLASSES = {name: each for name, each in PUBLIC.items() if inspect.isclass(each)}

# Each takes a tenth of a second or more to import, or opens files and threads of its own.
HEAVY = (
    *("torch", "transformers", "sentence_transformers", "tokenizers", "huggingface_hub"),
    *("datasets", "pyarrow", "pandas", "numpy", "scipy", "bm25s", "jinja2", "httpx"),
    *("py3langid", "Stemmer", "jieba", "fugashi", "pythainlp", "safetensors", "lancedb", "psycopg"),
)


def loaded_by(code: str) -> set[str]:
    """The top-level packages that a fresh Python has loaded after running this code."""
    shown = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    ran = subprocess.run(
        [sys.executable, "-c", code + shown], capture_output=True, text=True, check=True, timeout=60
    )
    return set(ran.stdout.splitlines()[-1].split())


def methods(cls: type) -> dict[str, Any]:
    """Public methods and properties written in this class itself."""
    found = {name: each for name, each in vars(cls).items() if name[0] != "_"}
    return {n: e for n, e in found.items() if inspect.isfunction(e) or isinstance(e, property)}


def unannotated(function: Any) -> list[str]:
    signature = inspect.signature(function)
    bare = [
        name
        for name, argument in signature.parameters.items()
        if argument.annotation is inspect.Parameter.empty and name != "self"
    ]
    returns = [] if signature.return_annotation is not inspect.Signature.empty else ["return"]
    return bare + returns


def test_every_public_name_can_be_imported() -> None:
    assert all(each is not None for each in PUBLIC.values())
    assert tunewise.__all__ == sorted(tunewise.__all__)
    assert set(tunewise.__all__) <= set(dir(tunewise))


def test_a_star_import_brings_the_public_names_and_no_others() -> None:
    names: dict[str, Any] = {}
    exec("from tunewise import *", names)
    assert set(names) - {"__builtins__"} == set(tunewise.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'tunewise' has no attribute 'mesure'"):
        _ = tunewise.mesure


def test_importing_tunewise_loads_nothing_heavy() -> None:
    assert loaded_by("import tunewise") & set(HEAVY) == set()


def test_asking_for_help_loads_nothing_heavy() -> None:
    asking = "import contextlib, tunewise.cli\nwith contextlib.suppress(SystemExit):\n"
    assert loaded_by(f"{asking}    tunewise.cli.main(['measure', '--help'])") & set(HEAVY) == set()


def test_reading_a_task_loads_no_model_library() -> None:
    models = {"torch", "transformers", "sentence_transformers", "datasets"}
    assert loaded_by("import tunewise; tunewise.read_task; tunewise.check") & models == set()


def test_every_error_raised_on_purpose_has_one_root() -> None:
    errors = [each for each in CLASSES.values() if issubclass(each, Exception)]
    assert len(errors) == 7
    assert all(issubclass(error, tunewise.TunewiseError) for error in errors)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_says_what_it_is(name: str) -> None:
    told = inspect.getdoc(PUBLIC[name]) or ""
    assert len(told.partition("\n")[0]) > 15
    # dataclasses write themselves a docstring, which is the signature and no explanation
    assert not told.startswith(f"{name}(")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_of_a_public_function_has_a_type(name: str) -> None:
    assert unannotated(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", CLASSES)
def test_public_methods_are_explained_and_have_types(name: str) -> None:
    for method, each in methods(CLASSES[name]).items():
        plain = each.fget if isinstance(each, property) else each
        assert inspect.getdoc(plain), method
        assert unannotated(plain) == [], method


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_of_public_functions_are_given_by_name(name: str) -> None:
    optional = [
        argument
        for argument in inspect.signature(FUNCTIONS[name]).parameters.values()
        if argument.default is not inspect.Parameter.empty
    ]
    by_place = [a.name for a in optional if a.kind is not inspect.Parameter.KEYWORD_ONLY]
    # the one thing a function is about may be given by place even where it has a default
    assert by_place in ([], ["packages"], ["name"], ["encoder"])


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    reference = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    assert re.search(rf"^### {name}$", reference, re.MULTILINE)


@pytest.mark.parametrize("name", ["measure", "forecast", "compare", "tune"])
def test_what_a_function_can_be_told_its_command_can_be_told_too(name: str) -> None:
    from tunewise.cli import parser

    commands = next(action for action in parser()._actions if action.choices)
    options = {action.dest for action in commands.choices[name]._actions}
    called = {"task": "data", "on": "data", "encoders": "encoder", "metrics": "metric"}
    taken = set(inspect.signature(FUNCTIONS[name]).parameters) - {"progress"}
    assert {called.get(argument, argument) for argument in taken} <= options


def test_a_task_that_is_printed_says_what_it_holds_and_not_all_of_it() -> None:
    task = tiny_task()
    assert str(task) == f"Task('{task.source}': 128 documents, 128 queries, 128 of them judged)"
    assert str(task.documents) == "Texts(128)"
