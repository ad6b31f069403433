"""`tunewise check DATA`: what is wrong with my data?"""

import argparse
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_data, read_data
from tunewise.errors import DataError

if TYPE_CHECKING:
    from tunewise.finding import Finding


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "check",
        help="what is wrong with my data?",
        description="Looks at the data and prints findings; changes nothing.",
    )
    add_data(parser)
    parser.add_argument("--encoder", metavar="NAME", help="whose limits the texts are held to")
    parser.add_argument("--base-url", metavar="URL", help="where a hosted encoder (openai:…) is")
    parser.add_argument("--worth", type=float, default=0.02, help="the gain worth having")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Reads, divides, checks, prints. Findings are no failure: the exit code is 0."""
    from tunewise.data.check import check
    from tunewise.data.folds import divide_folds, too_few
    from tunewise.data.split import divide
    from tunewise.encoders import DEFAULT_ENCODER, load_encoder

    task = read_data(parsed)
    encoder = load_encoder(parsed.encoder or DEFAULT_ENCODER, base_url=parsed.base_url)
    print(
        f"{len(task.documents):,} documents, {len(task.queries):,} queries, "
        f"{len(task.judgments):,} of them judged."
    )
    try:
        division = divide(task, seed=parsed.seed)
    except DataError:  # what else is wrong may be why it cannot be divided
        _tell([*task.findings, *check(task, encoder=encoder, worth=parsed.worth)])
        raise
    how, parts = division.how, ("train", "dev", "test")
    counted = ", ".join(f"{part} {how[part]:,}" for part in parts)
    if too_few(task):
        how = divide_folds(task, seed=parsed.seed).whole.how
        counted = f"{how['test']:,}"
    print(f"Queries: {counted}. {how['note']}\n")
    looked = check(task, division=division, encoder=encoder, worth=parsed.worth)
    _tell([*task.findings, *division.findings, *looked])
    return 0


def _tell(findings: "Sequence[Finding]") -> None:
    from tunewise.finding import in_order
    from tunewise.report import findings_text

    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    found = [finding.to_dict() for finding in in_order(findings)]
    print(findings_text(found, width=max(width, 80)) if found else "Nothing was found amiss.")
