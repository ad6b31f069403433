"""`tunewise check DATA`: what is wrong with my data?"""

import argparse
from typing import Any

from tunewise.cli.data import add_data, read_data


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
    from tunewise.data.split import divide
    from tunewise.encoders import DEFAULT_ENCODER, load_encoder
    from tunewise.finding import in_order
    from tunewise.report.text import findings_text

    task = read_data(parsed)
    division = divide(task, seed=parsed.seed)
    encoder = load_encoder(parsed.encoder or DEFAULT_ENCODER, base_url=parsed.base_url)
    looked = check(task, division=division, encoder=encoder, worth=parsed.worth)
    findings = in_order([*task.findings, *division.findings, *looked])
    print(
        f"{len(task.documents):,} documents, {len(task.queries):,} queries, "
        f"{len(task.judgments):,} of them judged. "
        + ", ".join(f"{part} {division.how[part]:,}" for part in ("train", "dev", "test"))
        + f" ({division.how['note']})"
    )
    print(findings_text([finding.to_dict() for finding in findings]))
    return 0
