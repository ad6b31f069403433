"""`tunewise demo`: a verdict on real data made from the machine itself."""

import argparse
from pathlib import Path
from typing import Any

from tunewise.cli.measure import add_measuring, measured


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "demo",
        help="a verdict on a real task made from this machine's Python documentation",
        description="Makes a retrieval task from the documentation of the installed Python "
        "packages (a function's first sentence finds the rest of its documentation) and "
        "measures it.",
    )
    add_measuring(parser, default_folder="demo")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Makes the task and measures it; the task itself is left beside the verdict."""
    from tunewise.data.docstrings import docstring_task
    from tunewise.data.write import write_task

    task = docstring_task()
    parsed.out = parsed.out or Path("demo")
    print(
        f"{len(task.queries):,} questions and {len(task.documents):,} documents made from the "
        f"documentation of installed packages ({task.source}); they are in {parsed.out / 'data'}"
    )
    write_task(task, parsed.out / "data")
    return measured(task, parsed)
