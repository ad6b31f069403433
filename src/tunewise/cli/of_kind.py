"""`tunewise measure` over other kinds of task than a search."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import OF_SEARCH, SEARCH, columns_of
from tunewise.cli.progress import shown
from tunewise.cli.values import prices, seconds, use
from tunewise.errors import OptionError

if TYPE_CHECKING:
    from tunewise.kinds import Kind, Source
    from tunewise.report.unmeasured import Facts


def measured_kind(name: str, parsed: argparse.Namespace) -> int:
    """Reads the kind's examples, measures, saves, prints."""
    from tunewise.measurement import measure_kind
    from tunewise.report import check_kind_place, kind_text, save_kind_verdict
    from tunewise.report.place import usual_folder

    kind = _named(name)
    _require_none_of_search(parsed, name)
    reckoned, used = prices(parsed), use(parsed)
    folder = parsed.out or usual_folder(parsed.data)
    check_kind_place(folder)
    with shown() as progress:
        progress("reading the data", 0, 0)
        examples = kind.read(_source(parsed))
        verdict = measure_kind(
            examples,
            kind,
            **how_to_measure(parsed),
            metric=parsed.metric,
            progress=progress,
        )
        progress("saving the winner and the report", 0, 0)
        facts = save_kind_verdict(verdict, folder, prices=reckoned, use=used)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    print(kind_text(facts, width=width))
    print_places(folder, facts)
    return 0


def print_places(folder: Path, facts: "Facts") -> None:
    """Where the verdict lies, and what to call next."""
    from tunewise.report.unmeasured import more_time

    print(f"Report: {folder / 'report.html'}   Facts: {folder / 'verdict.json'}")
    print(f"Try it:  {facts['trial']}")
    if again := more_time(facts):
        print(f"With more time:  {again}")


def how_to_measure(parsed: argparse.Namespace) -> dict[str, Any]:
    """What is measured in which way, whatever the kind."""
    from tunewise.encoders import DEFAULT_ENCODER

    return {
        "encoders": parsed.encoder or [DEFAULT_ENCODER],
        "base_url": parsed.base_url,
        "engine": parsed.engine,
        "worth": parsed.worth,
        "target": parsed.target,
        "budget": seconds(parsed.budget),
        "contenders": parsed.contenders.split(",") if parsed.contenders is not None else None,
        "seed": parsed.seed,
    }


def _named(name: str) -> "Kind":
    from tunewise.kinds import KINDS

    if name not in KINDS:
        known = ", ".join([SEARCH, *KINDS])
        raise OptionError(f"There is no kind '{name}' of task. Choose from {known}.")
    return KINDS[name]


def _source(parsed: argparse.Namespace) -> "Source":
    from tunewise.kinds import Source

    options = dict(_pair("--set", "odd=other", pair) for pair in parsed.options)
    files = dict(_pair("--file", "items=items.csv", pair) for pair in parsed.files)
    return Source(parsed.data, columns_of(parsed) or {}, files, options, parsed.seed)


def _pair(flag: str, example: str, pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not (name and equals):
        raise OptionError(f"{flag} takes NAME=VALUE, such as {example}, not '{pair}'.")
    return name, value


def _require_none_of_search(parsed: argparse.Namespace, name: str) -> None:
    given = [f"--{option}" for option in OF_SEARCH if getattr(parsed, option)]
    if given:
        raise OptionError(
            f"{' and '.join(given)} go with a search, and --kind is {name}. Leave one of them out."
        )
