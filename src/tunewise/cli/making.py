"""Documents alone: the options that say how queries are made of them, shared by commands."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tunewise.cli.data import columns_of
from tunewise.cli.progress import shown
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.task import Task

_WAYS = ("auto", "titles", "headings", "sentences", "llm")


def add_making(parser: argparse.ArgumentParser) -> None:
    """Adds how queries are made where nobody has asked any."""
    add = parser.add_argument
    add(
        "--make-queries",
        metavar="WORD",
        help=f"there are documents only: make queries of them by {', '.join(_WAYS)}; the verdict "
        "is then provisional",
    )
    add("--make-most", type=int, metavar="N", help="how many queries are made (default: 1000)")
    add(
        "--save-made", type=Path, metavar="DIR", help="where the made task goes (default: in --out)"
    )
    add("--llm-url", metavar="URL", help="for llm: where an OpenAI-compatible language model is")
    add("--llm-model", metavar="NAME", help="for llm: its name; documents are sent to it")


def made_data(parsed: argparse.Namespace) -> "Task":
    """The task made of the documents that the arguments name, written where it can be mended."""
    from tunewise.data.making import described
    from tunewise.data.read import read_task
    from tunewise.data.write import write_task
    from tunewise.encoders import DEFAULT_ENCODER
    from tunewise.making import LanguageModel, check_made_place, make_task

    if parsed.queries or parsed.judgments:
        raise OptionError(
            "--make-queries is for documents alone, and --queries or --judgments names what people "
            "asked. Leave one of them out."
        )
    asked = parsed.llm_url or parsed.llm_model
    llm = LanguageModel(parsed.llm_url or "", parsed.llm_model or "") if asked else None
    folder = parsed.save_made or parsed.out / "made"
    check_made_place(folder)
    with shown() as progress:
        task = make_task(
            parsed.data,
            way=parsed.make_queries,
            most=1000 if parsed.make_most is None else parsed.make_most,
            documents=parsed.documents,
            columns=columns_of(parsed),
            encoder=(parsed.encoder or [DEFAULT_ENCODER])[0],
            base_url=parsed.base_url,
            engine=parsed.engine,
            llm=llm,
            seed=parsed.seed,
            progress=progress,
        )
    write_task(task, folder)
    print(
        f"{task.made['kept']:,} queries made, {described(task.made)} ({task.made['why']}). Look at "
        f"them in {folder}, mend or remove any, and give:  tunewise measure {folder}\n"
    )
    return read_task(folder)


def require_no_making(parsed: argparse.Namespace) -> None:
    """Raises OptionError for options that say how to make queries where none are made."""
    given = ("make_most", "save_made", "llm_url", "llm_model")
    for name in given:
        if getattr(parsed, name) is not None:
            raise OptionError(
                f"--{name.replace('_', '-')} says how queries are made, and none are. Give "
                "--make-queries too, or leave it out."
            )
