"""The tasks of the study: the shared retrieval sets, and documentation, each package a task."""

import os
from dataclasses import replace
from pathlib import Path

from tunewise import Task, read_task

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
SETS = ("cranfield", "covidqa", "tldr-es", "tldr-en", "squad-it", "medquad", "nl2bash")
PACKAGES = ("numpy", "scipy", "sklearn", "networkx", "pandas", "sympy", "python", "torch",
            "transformers", "huggingface_hub", "nncf", "mypy", "datasets")  # fmt: skip
TASKS = (*SETS, *(f"docs-{package}" for package in PACKAGES))


def load(name: str) -> Task:
    """The task of this name, undivided: the study divides it anew for each draw."""
    package = name.removeprefix("docs-")
    source = str(DATA / name) if package == name else f"docstrings:{package}"
    return replace(read_task(source), parts={})
