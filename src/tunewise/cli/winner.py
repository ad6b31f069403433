"""The winner of a kind of task, loaded and asked: what the commands that use one share."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import SEARCH
from tunewise.cli.progress import shown
from tunewise.errors import DataError, OptionError

if TYPE_CHECKING:
    from tunewise.kinds import Loaded

_IDS = ("_id", "id")
_AT_ONCE = 1_024  # units answered together: memory grows with neither file nor labels much


def load_winner(folder: Path, kinds: Iterable[str]) -> "Loaded":
    """The winner saved in `folder`. OptionError where it is of no kind that is asked for."""
    from tunewise.files import put_back
    from tunewise.kinds import KINDS, kind_in, load

    put_back(folder)
    there = kind_in(folder / "model")
    wanted = list(kinds)
    if there in KINDS and there not in wanted:
        raise OptionError(
            f"'{folder}' holds the winner of a task of {there}, and this command answers those of "
            f"{' and '.join(wanted)}. Try: {KINDS[there].trial_in(folder)}"
        )
    if there == SEARCH:
        raise OptionError(
            f"'{folder}' holds the winner of a search, and this command answers those of "
            f'{" and ".join(wanted)}. Try: tunewise search {folder} "your words"'
        )
    return load(KINDS, folder / "model")


def answer_texts(loaded: "Loaded", words: str) -> None:
    """Prints a line of JSON for a text, or for every text of the file it names."""
    if not words.strip():
        raise OptionError("The text is empty, so there is nothing to go by. Give a text or a file.")
    answer(loaded, texts_of(words))


def answer(loaded: "Loaded", asked: Iterator[tuple[str | None, Any]]) -> None:
    """Prints a line of JSON for each unit asked about, with its id where it has one."""
    with shown() as progress:
        while some := list(islice(asked, _AT_ONCE)):
            units = [unit for _, unit in some]
            answers = loaded.contender.answer(units)
            progress("", 0, 0)  # ends the bar that is drawn
            rows = loaded.kind.told(loaded.contender, units, answers, loaded.about)
            for (key, _), row in zip(some, rows, strict=True):
                print_row({"id": key, **row} if key is not None else row)


def print_row(row: Mapping[str, Any]) -> None:
    """One line of JSON."""
    print(json.dumps(row, ensure_ascii=False))


def texts_of(words: str) -> Iterator[tuple[str | None, str]]:
    """The text itself, or the texts of the file it names, each with its id or its number.

    Raises DataError for the name of a file that is not there.
    """
    path = Path(words)
    if not is_file(path):
        if re.fullmatch(r"\S+\.(txt|csv|tsv|jsonl?|parquet)(\.gz)?", words):
            raise DataError(f"There is no file '{words}'. Check its name, or give a text.")
        yield None, words
        return
    from tunewise.data.columns import LABELLED, match
    from tunewise.data.fields import text_of
    from tunewise.data.tables import format_of, open_table
    from tunewise.data.textfile import lines

    if format_of(path) is None:
        for number, line in enumerate(lines(path), start=1):
            if line.strip():
                yield str(number), line.strip()
        return
    table = open_table(path)
    column = match(table.columns, LABELLED, {}).by_role.get("text")
    if column is None:
        raise DataError(
            f"'{path}' has no column of texts; it has {', '.join(table.columns)}. Name it text."
        )
    key = next((name for name in table.columns if name in _IDS and name != column), None)
    for number, (place, row) in enumerate(table.rows([column, *([key] if key else [])]), start=1):
        own = text_of(row.get(key), place) if key else ""
        yield own or str(number), text_of(row.get(column), place)


def is_file(path: Path) -> bool:
    """Whether there is such a file; a text too long to be a name is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def pairs_of(path: Path) -> Iterator[tuple[str, str]]:
    """The pairs in a file: two texts a line with a tab between, or a table with two of texts."""
    from tunewise.data.columns import SCORED, match
    from tunewise.data.tables import format_of, open_table
    from tunewise.data.textfile import lines

    if format_of(path) is None:
        for number, line in enumerate(lines(path), start=1):
            first, tab, second = line.strip().partition("\t")
            if not tab:
                raise DataError(
                    f"Line {number} of '{path}' has no tab, so it is no pair. Write two texts with "
                    "a tab between, or give a table with sentence1 and sentence2."
                )
            yield first, second
        return
    table = open_table(path)
    roles = match(table.columns, SCORED, {}).by_role
    if not {"first", "second"} <= roles.keys():
        raise DataError(
            f"'{path}' has no two columns of texts; it has {', '.join(table.columns)}. Name them "
            "sentence1 and sentence2."
        )
    for place, row in table.rows([roles["first"], roles["second"]]):
        one, other = row.get(roles["first"]), row.get(roles["second"])
        if not (isinstance(one, str) and isinstance(other, str)):
            raise DataError(
                f"{place} holds no two texts, but {(one, other)}. Mend or remove that row."
            )
        yield one, other
