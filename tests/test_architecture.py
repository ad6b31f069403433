"""The house rules that a machine can check; the reasons are in ARCHITECTURE.md."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tunewise"
FILES = sorted(SOURCE.rglob("*.py"))

MAY_NAME_TEST = {"task.py", "data/split.py", "data/folds.py", "data/check.py"}
MAY_OPEN_TEST = ("measurement/", "data/")  # data/ divides and checks; it learns nothing
HOLDS_ANYTHING = {"util", "utils", "common", "helper", "helpers", "base", "misc", "core", "lib"}
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal"}
# the last six are the libraries' own hooks: they take nothing else
MAY_BE_INHERITED = {"Protocol", "NamedTuple", "Exception", "TunewiseError",
                    "nn.Module", "TrainerCallback", "SentenceTransformerTrainer",
                    "BaseModel", "HttpToolsProtocol", "asyncio.Protocol"}  # fmt: skip


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of the file, outer ones first: read and gone through once for all tests."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def found(wanted: Callable[[ast.AST], object], files: list[Path] = FILES) -> list[str]:
    """Where nodes that `wanted` says yes to stand, as file:line."""
    return [
        f"{place(path)}:{getattr(node, 'lineno', 0)}"
        for path in files
        for node in nodes(path)
        if wanted(node)
    ]


def outside(*rooms: str) -> list[Path]:
    return [path for path in FILES if not place(path).startswith(rooms)]


def called(node: ast.AST) -> str:
    """The name of what is called: `print`, or `load` of `torch.load`."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    return set()


def names_of(node: ast.AST) -> set[str]:
    """Every name a node brings in or uses, also within a quoted type."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.ImportFrom):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.arg | ast.AnnAssign) and isinstance(node.annotation, ast.Constant):
        return set(re.findall(r"\w+", str(node.annotation.value)))
    return set()


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{place(path)}:{node.lineno} {node.name}", node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring: it explains and does nothing."""
    first = node.body[0]
    told = ast.get_docstring(node, clean=False) is not None
    words = (first.end_lineno or 0) - first.lineno + 1 if told else 0
    return (node.end_lineno or 0) - node.lineno + 1 - words


def test_a_room_imports_only_rooms_above_it(tmp_path: Path) -> None:
    # in a process of its own: it turns off the loggers of the one it runs in
    linter = Path(sys.executable).with_name("lint-imports")
    command = [linter, "--config", ROOT / "pyproject.toml", "--cache-dir", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_room_has_its_line_in_the_architecture() -> None:
    told = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [
        path.name + "/" * path.is_dir() for path in SOURCE.iterdir() if path.name[0] not in "_"
    ]
    rooms = [room for room in rooms if room.endswith((".py", "/"))]
    assert [room for room in rooms if f"| `{room}` |" not in told] == []


def test_only_measurement_names_the_test_part() -> None:
    others = [path for path in outside("measurement/") if place(path) not in MAY_NAME_TEST]
    assert found(lambda node: "Test" in names_of(node), others) == []


def test_nothing_that_learns_opens_the_test_part_of_a_division() -> None:
    opens = outside(*MAY_OPEN_TEST)
    assert found(lambda node: isinstance(node, ast.Attribute) and node.attr == "test", opens) == []


def test_no_two_files_of_tests_have_one_name() -> None:
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))  # pytest would read only one of them


def test_no_file_is_over_400_lines() -> None:
    lines = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > 400} == {}


def test_no_function_is_over_50_lines() -> None:
    assert [name for name, node in functions() if length(node) > 50] == []


def test_95_functions_of_100_are_under_30_lines() -> None:
    lengths = [length(node) for _, node in functions()]
    assert sum(count < 30 for count in lengths) >= 0.95 * len(lengths)


def test_no_file_is_named_after_anything_and_everything() -> None:
    assert [place(p) for p in SOURCE.rglob("*") if p.stem.lstrip("_") in HOLDS_ANYTHING] == []


def test_only_exceptions_and_protocols_are_inherited_from() -> None:
    def inherits(node: ast.AST) -> bool:
        bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
        return not {base.partition("[")[0] for base in bases} <= MAY_BE_INHERITED

    assert found(inherits) == []


def test_no_pickle_is_read_or_written() -> None:
    assert found(lambda node: imported(node) & RUNS_WHAT_IT_READS) == []
    loads = {"torch.load", "np.load", "numpy.load", "joblib.load"}
    assert found(lambda n: isinstance(n, ast.Call) and ast.unparse(n.func) in loads) == []


def test_no_code_that_comes_with_a_model_is_run() -> None:
    def trusts(node: ast.AST) -> bool:
        return (
            isinstance(node, ast.keyword)
            and node.arg == "trust_remote_code"
            and not (isinstance(node.value, ast.Constant) and node.value.value is False)
        )

    assert found(trusts) == []
    assert found(lambda node: called(node) in {"eval", "exec", "compile"} and _builtin(node)) == []


def _builtin(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def test_nothing_is_left_to_be_written_later() -> None:
    assert found(lambda node: isinstance(node, ast.Name) and "NotImplemented" in node.id) == []
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [place(p) for p in FILES if marks.search(p.read_text(encoding="utf-8"))] == []


def test_only_the_command_line_prints() -> None:
    assert found(lambda node: called(node) == "print", outside("cli/")) == []


def test_nothing_configures_logging() -> None:
    sets_up = {"basicConfig", "dictConfig", "fileConfig", "addHandler", "setLevel"}
    # a NullHandler sets nothing up: it keeps Python from printing what nobody listens to
    harmless = "addHandler(logging.NullHandler())"
    assert found(lambda n: called(n) in sets_up and harmless not in ast.unparse(n)) == []
