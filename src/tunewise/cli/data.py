"""The arguments that say where the data is, shared by every command that reads some."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.data.examples import Examples
    from tunewise.task import Task

Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"
SEARCH = "search"
_KINDS = {
    "retrieval": SEARCH,
    "labelled": "classification",
    "multilabelled": "multilabel",
    "scored": "similarity",
}
OF_SEARCH = ("documents", "queries", "judgments", "clicks", "labels")


def add_data(
    parser: argparse.ArgumentParser,
    *,
    flag: str | None = None,
    queries: str = "queries, if in a file of their own",
) -> None:
    """Adds DATA (or the flag that stands for it) and what goes with it."""
    about = (
        "a BEIR folder, a CSV, TSV, JSONL or Parquet file, a folder of them, hf:NAME, "
        "or docstrings: for the documentation of installed Python packages"
    )
    if flag is None:
        parser.add_argument("data", metavar="DATA", help=about)
    else:
        parser.add_argument(flag, dest="data", metavar="DATA", help=about)
    parser.add_argument("--documents", metavar="FILE", help="documents, if in a file of their own")
    parser.add_argument("--queries", metavar="FILE", help=queries)
    parser.add_argument(
        "--judgments", metavar="FILE", help="judgments (TREC qrels or a table), likewise"
    )
    parser.add_argument(
        "--clicks",
        metavar="FILE",
        help="a click log (query, document, rank, clicked) to estimate judgments from",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="what `tunewise label` wrote, with grades filled in"
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help="which column is what, e.g. query=frage (may be repeated)",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Adds how a local encoder computes its vectors."""
    parser.add_argument(
        "--engine",
        metavar="NAME[:NUMBERS]",
        default="auto",
        help="what computes vectors: torch, onnx or openvino, in fp32, bf16 or int8, such as "
        "openvino:bf16; or auto, the default: the quickest that is faithful, measured once on your "
        "texts",
    )


def read_data(parsed: argparse.Namespace) -> "Task":
    """The task that the arguments name."""
    from tunewise.data.read import read_task

    _require_search(parsed)
    return read_task(parsed.data, **_files(parsed), columns=columns_of(parsed))


def kind_of(parsed: argparse.Namespace) -> str:
    """The kind of task that the arguments name, or that the data's columns tell."""
    if getattr(parsed, "kind", None) is not None:
        return str(parsed.kind)
    if any(getattr(parsed, name) for name in OF_SEARCH):
        return SEARCH
    from tunewise.data.examples import kind_at
    from tunewise.data.histories import is_histories

    if is_histories(Path(parsed.data)):
        return "recommendation"
    found = _KINDS[kind_at(parsed.data, columns_of(parsed))]
    several = any(pair.startswith("separator=") for pair in getattr(parsed, "options", ()))
    return "multilabel" if several and found == "classification" else found


def _require_search(parsed: argparse.Namespace) -> None:
    """Raises OptionError for data of another kind, which only `measure` can take."""
    kind = kind_of(parsed)
    if kind != SEARCH:
        raise OptionError(
            f"'{parsed.data}' looks like data for {kind}, and this command is for a search. Try: "
            f"tunewise measure {parsed.data}. If it is a search, name its columns: --column "
            "query=NAME --column document=NAME."
        )


def read_any(parsed: argparse.Namespace) -> "Examples":
    """The examples that the arguments name: a task, scored pairs or labelled texts."""
    from tunewise.data.examples import read_examples

    return read_examples(
        parsed.data,
        kind=parsed.kind,
        **_files(parsed),
        columns=columns_of(parsed),
        seed=parsed.seed,
    )


def _files(parsed: argparse.Namespace) -> dict[str, str | None]:
    """The files beside the data, by role."""
    return {role: getattr(parsed, role) for role in OF_SEARCH}


def columns_of(parsed: argparse.Namespace) -> dict[str, str] | None:
    """Which column is what, as far as the user says; None where nothing is said."""
    return dict(_column(pair) for pair in parsed.column) or None


def _column(pair: str) -> tuple[str, str]:
    role, equals, name = pair.partition("=")
    if not (role and equals):
        raise OptionError(
            f"--column takes ROLE=NAME, such as query=frage (score= for none), not '{pair}'."
        )
    return role, name
