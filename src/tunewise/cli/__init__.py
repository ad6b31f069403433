"""The command line: one file a command; each parses, calls the function of its name, prints."""

import argparse
import io
import sys
from collections.abc import Sequence
from typing import NoReturn

from tunewise import __version__
from tunewise.cli import (
    advise,
    check,
    cluster,
    compare,
    demo,
    forecast,
    index,
    keys,
    label,
    measure,
    negatives,
    predict,
    recommend,
    score,
    search,
    serve,
    shrink,
    tune,
)
from tunewise.cli.values import USERS_MISTAKE, number
from tunewise.errors import TunewiseError

_COMMANDS = (
    check,
    measure,
    label,
    forecast,
    tune,
    negatives,
    shrink,
    compare,
    index,
    search,
    predict,
    score,
    cluster,
    recommend,
    serve,
    keys,
    advise,
    demo,
)
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 done, 2 a mistake to mend, 130 interrupted."""
    parsed = _parsed(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a letter gets a "?"
    try:
        return int(parsed.run(parsed))
    except TunewiseError as mistake:
        print(f"tunewise: {mistake}", file=sys.stderr)
        return USERS_MISTAKE
    except KeyboardInterrupt:
        print(
            "\ntunewise: interrupted. Vectors made so far are kept, and training up to its last "
            "checkpoint (one each half minute): the same command goes on from here.",
            file=sys.stderr,
        )
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; there is nobody to tell
        return 0
    except OSError as refusal:
        print(
            f"tunewise: the system refused: {refusal}. Mend that and give the same command again.",
            file=sys.stderr,
        )
        return USERS_MISTAKE


def parser() -> argparse.ArgumentParser:
    """The whole command line, for parsing and for the reference."""
    whole = argparse.ArgumentParser(
        prog="tunewise",
        description="Measure on your own data whether off-the-shelf embeddings suffice "
        "or tuning pays.",
    )
    whole.add_argument("--version", action="version", version=f"tunewise {__version__}")
    whole.set_defaults(run=lambda _: _list(whole))
    commands = whole.add_subparsers(metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    for own in commands.choices.values():
        own.set_defaults(parser=own)
        for action in own._actions:
            if action.type in (int, float):
                action.type = number(own, action)
    return whole


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked; of what no command knows, with the usage of the command that was named."""
    whole = parser()
    parsed, unknown = whole.parse_known_args(arguments)
    if unknown:
        getattr(parsed, "parser", whole).error(f"unrecognized arguments: {' '.join(unknown)}")
    return parsed


def _list(whole: argparse.ArgumentParser) -> NoReturn:
    """Lists the commands, for who named none."""
    whole.print_help(sys.stderr)
    whole.exit(USERS_MISTAKE)
