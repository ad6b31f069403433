"""Writes docs/reference from the program itself: `make reference`, or `python docs/generate.py`.

The commands come from the argument parser, the Python pages from signatures and docstrings. A
test compares what lies in docs/reference with what would be written, so neither can go stale.
"""

import argparse
import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi.routing import iter_route_contexts

import tunewise
from tunewise.cli import parser as command_line
from tunewise.comparison import Comparison
from tunewise.data.labelled import LabelledTexts
from tunewise.data.scored import ScoredPairs
from tunewise.finding import Finding
from tunewise.learning_curve import Ahead
from tunewise.measurement.gains import Gain
from tunewise.measurement.tuning import Outcome, Tuning
from tunewise.task import Texts
from tunewise.verdict import Decision, Needed, Otherwise, Target

FOLDER = Path(__file__).parent / "reference"
MET = (
    *(Finding, Texts, Decision, Comparison, Target, Needed, Otherwise, Ahead),
    *(ScoredPairs, LabelledTexts, Tuning, Outcome, Gain),
)
"""Values that public functions hand out, though nobody makes them by hand."""

_MADE = "<!-- Made by docs/generate.py: change the source and run `make reference`. -->"
_EXITS = """\
Exit codes: 0 done, 2 something to mend (one message says what), 130 interrupted.

Data and models are described in the [guide](../guide/index.md). Environment variables:

| variable | what it does |
|---|---|
| `TUNEWISE_CACHE` | the folder that vectors and the count of test uses are kept in |
| `TUNEWISE_API_KEY`, `OPENAI_API_KEY` | the key for what is hosted; the first counts |
| `HF_HUB_OFFLINE` | 1: the Hugging Face hub is not asked for models |
"""
_HTTP = """\
What `tunewise serve` answers. The service describes itself at `/openapi.json`, to whoever has a
good key. The [guide](../guide/serving.md) says how it is used, [Operating](../guide/operating.md)
how it is kept.

A key goes into the header `Authorization: Bearer KEY`; each route below says the scope it asks for.
Under `/v1` errors have OpenAI's shape, under `/v2` Telnyx's. 429 and 503 carry `Retry-After`. Every
answer has `x-request-id`, the caller's own if it sent one."""
_APIS = {"openai": "OpenAI", "telnyx": "Telnyx"}


def main() -> None:
    """Writes every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> Mapping[str, str]:
    """File name → text of every page of the reference."""
    return {
        "command-line.md": commands_page(),
        "http.md": http_page(),
        "python.md": python_page(),
    }


def commands_page() -> str:
    """The page about the commands."""
    whole = command_line()
    sections = [_MADE, "# Commands", _prose(whole.description), _EXITS]
    for name, (parser, about) in _commands(whole).items():
        sections += [f"## tunewise {name}", _prose(parser.description or about)]
        sections += [f"```text\n{_usage(name, parser)}\n```", _options(parser)]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _commands(
    whole: argparse.ArgumentParser,
) -> Mapping[str, tuple[argparse.ArgumentParser, str | None]]:
    group = next(a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    helps = {action.dest: action.help for action in group._choices_actions}
    return {name: (parser, helps.get(name)) for name, parser in group.choices.items()}


def _usage(name: str, parser: argparse.ArgumentParser) -> str:
    words = ["tunewise", name]
    placed = [action for action in _shown(parser) if not action.option_strings]
    words += [f"[{_value(a)}]" if a.nargs == "?" else _value(a) for a in placed]
    options = [f"[{_spelled(a)}]{' …' * _repeats(a)}" for a in _shown(parser) if a.option_strings]
    return textwrap.fill(
        " ".join([*words, *(option.replace(" ", "\0") for option in options)]),
        width=100,
        subsequent_indent=" " * len(" ".join(words[:2]) + " "),
        break_on_hyphens=False,
    ).replace("\0", " ")


def _options(parser: argparse.ArgumentParser) -> str:
    rows = [f"| `{_spelled(a)}` | {_cell(_meaning(a))} |" for a in _shown(parser)]
    return "\n".join(["| argument | meaning |", "|---|---|", *rows])


def _shown(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (a for a in parser._actions if not isinstance(a, argparse._HelpAction))


def _spelled(action: argparse.Action) -> str:
    flags = ", ".join(action.option_strings)
    value = "" if action.nargs == 0 else _value(action)
    return f"{flags} {value}".strip()


def _value(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _repeats(action: argparse.Action) -> bool:
    return isinstance(action, argparse._AppendAction)


def _meaning(action: argparse.Action) -> str:
    told = action.help or ""
    plain = action.default not in (None, [], argparse.SUPPRESS) and "default" not in told
    parts = [told, f"default: {action.default}" if plain and action.option_strings else ""]
    return "; ".join(part for part in parts if part)


def python_page() -> str:
    """The page about the public names."""
    names = [name for name in tunewise.__all__ if name != "__version__"]
    public = {name: getattr(tunewise, name) for name in names}
    functions = {n: o for n, o in public.items() if inspect.isfunction(o)}
    mistakes = {n: o for n, o in public.items() if n not in functions and _is_error(o)}
    values = {n: o for n, o in public.items() if n not in functions and n not in mistakes}
    sections = [
        _MADE,
        "# Python",
        "Everything here is imported from `tunewise`, but for what stands under *Values you meet*.",
        f"`tunewise.__version__` is the version, `{tunewise.__version__}` here.",
        *("## Functions", *(_function(name, each) for name, each in functions.items())),
        *("## Values", *(_class(name, each) for name, each in values.items())),
        "## Values you meet",
        *(_class(each.__name__, each, place=each.__module__) for each in MET),
        *("## Errors", _markdown(inspect.getdoc(tunewise.errors))),
        *(_mistake(name, each) for name, each in mistakes.items()),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def http_page() -> str:
    """The page about the service's routes, from its own description."""
    from tunewise.jobs.home import Home
    from tunewise.serving.access import scope_of
    from tunewise.serving.app import make_app
    from tunewise.serving.models import Offer

    app = make_app(Offer({}), home=Home(Path("nowhere"))).app
    scopes = {
        (method.lower(), route.path_format): scope_of(route)
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    }
    told = app.openapi()
    routes = sorted((path, how, each) for path, ways in told["paths"].items()
                    for how, each in ways.items())  # fmt: skip
    bodies = told["components"]["schemas"]
    sections = [_MADE, "# HTTP", _HTTP, "## Routes"]
    sections += [_route(how, path, each, scopes[how, path]) for path, how, each in routes]
    sections.append("## Bodies")
    sections += [_body(name, each) for name, each in sorted(bodies.items(), key=_short_of)
                 if not name.endswith("ValidationError")]  # fmt: skip
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _route(how: str, path: str, route: Mapping[str, Any], scope: str | None) -> str:
    lines = [f"### {how.upper()} {path}", route.get("description", "")]
    facts = [f"scope: {f'`{scope}`' if scope else 'none'}"]
    for each in route.get("parameters", ()):
        needed = "" if each.get("required") else ", optional"
        facts.append(f"{each['in']} `{each['name']}`: {_kind(each['schema'])}{needed}")
    for kind, content in route.get("requestBody", {}).get("content", {}).items():
        facts.append(f"body ({kind}): {_kind(content.get('schema', {}))}")
    errors = []
    for status, answer in route["responses"].items():
        if status >= "400":
            errors += [] if "ValidationError" in str(answer) else [status]
            continue
        content = answer.get("content", {})
        kinds = [_kind(each.get("schema", {})) or f"`{kind}`" for kind, each in content.items()]
        facts.append(f"answer {status}: {' or '.join(kinds) or 'empty'}")
    facts += [f"errors: {', '.join(errors)}"] if errors else []
    return "\n\n".join([*lines, "\n".join(f"- {fact}" for fact in facts)])


def _body(name: str, schema: Mapping[str, Any]) -> str:
    needed = schema.get("required", ())
    rows = [
        f"| `{field}`{'' if field in needed else ' (optional)'} | {_cell(_kind(each))} |"
        for field, each in schema.get("properties", {}).items()
    ]
    table = "\n".join(["| field | type |", "|---|---|", *rows]) if rows else _kind(schema)
    return f"### {_called(name)}\n\n{schema.get('description', '')}\n\n{table}"


def _kind(schema: Mapping[str, Any]) -> str:
    """A type of JSON Schema in words."""
    if "$ref" in schema:
        name = _called(schema["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower().replace(' ', '-')})"
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema.get("enum", [schema.get("const")]))
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " or ".join(dict.fromkeys(_kind(each) for each in choices))
    if schema.get("type") == "array":
        inner = _kind(schema.get("items", {}))
        return f"array of {f'({inner})' if ' or ' in inner else inner or 'anything'}"
    least, most = schema.get("minimum"), schema.get("maximum")
    bounds = [
        f"from {least:g}" if least is not None else "",
        f"to {most:g}" if most is not None else "",
    ]
    default = f"default {schema['default']}" if schema.get("default") is not None else ""
    told = ", ".join(part for part in (" ".join(filter(None, bounds)), default) if part)
    return f"{schema.get('type', '')}{f' ({told})' if told else ''}"


def _called(name: str) -> str:
    """A schema's name; of two that are called the same, each with its API's."""
    *rooms, last = name.split("__")
    api = next((word for word in rooms if word in ("openai", "telnyx")), "")
    return f"{last} of {_APIS[api]}" if api else last


def _short_of(named: tuple[str, Any]) -> str:
    return _called(named[0])


def _is_error(each: Any) -> bool:
    return inspect.isclass(each) and issubclass(each, Exception)


def _mistake(name: str, error: type[Exception]) -> str:
    return f"### {name}\n\n{_markdown(inspect.getdoc(error))}"


def _function(name: str, function: Any) -> str:
    return f"### {name}\n\n{_code(_signature(function))}\n\n{_markdown(inspect.getdoc(function))}"


def _class(name: str, cls: type, place: str = "") -> str:
    tree = _tree(cls)
    fields = [ast.unparse(node) for node in tree.body if isinstance(node, ast.AnnAssign)]
    members = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
    told = [
        f"`from {_room(place)} import {name}`" if place else "",
        _code("\n".join(fields)) if fields else "",
        _markdown(_own_doc(tree, cls)),
        "\n".join(f"- `{_member(node)}`: {_first_line(node)}" for node in members),
    ]
    return f"### {name}\n\n" + "\n\n".join(part for part in told if part)


def _own_doc(tree: ast.ClassDef, cls: type) -> str | None:
    return inspect.getdoc(cls) if ast.get_docstring(tree) else None


def _room(module: str) -> str:
    """The folder of a file that its folder passes on, else the file."""
    room = module.rpartition(".")[0]
    return module if room == "tunewise" else room


def _member(node: ast.FunctionDef) -> str:
    if any(isinstance(d, ast.Name) and "property" in d.id for d in node.decorator_list):
        return f"{node.name}{_type(': ', node.returns)}"
    node.args.args = node.args.args[1:]  # without self
    return _call(node)


def _first_line(node: ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")


def _signature(function: Any) -> str:
    """As in the source: its own words for types and defaults are the ones to read."""
    node = _tree(function)
    whole = _call(node)
    return whole if len(whole) <= 88 else _call(node, apart=True)


def _call(node: ast.FunctionDef, *, apart: bool = False) -> str:
    returns = _type(" -> ", node.returns)
    if not apart:
        return f"{node.name}({ast.unparse(node.args)}){returns}"
    first, *rest = _arguments(node.args)
    listed = "".join(f"    {argument},\n" for argument in [first, *rest])
    return f"{node.name}(\n{listed}){returns}"


def _type(before: str, annotation: ast.expr | None) -> str:
    """A type as it would be read: one that had to be quoted in the source without its quotes."""
    told = ast.unparse(annotation).strip("'") if annotation else ""
    return before + told if told else ""


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    """Each argument as it would stand by itself."""
    given = len(arguments.args) - len(arguments.defaults)
    for place, argument in enumerate(arguments.args):
        default = arguments.defaults[place - given] if place >= given else None
        yield _argument(argument, default)
    if arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _argument(argument, default)


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + ("" if default is None else f" = {ast.unparse(default)}")


def _tree(of: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(of))).body[0]


def _markdown(docstring: str | None) -> str:
    """A docstring with its examples in fences, and without marks meant for doctest."""
    blocks = []
    for block in (docstring or "").split("\n\n"):
        if block.startswith(">>>"):
            blocks.append(_code(re.sub(r"\s*# doctest: .*", "", block)))
        else:
            blocks.append(re.sub(r"\n(- )", r"\n\n\1", block, count=1))
    return "\n\n".join(blocks)


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _prose(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")


if __name__ == "__main__":
    main()
