"""The verdict and figures for the shared retrieval sets, through the command a user types.

    python benchmarks/verdicts.py [SET …]

Runs `tunewise measure` on each set in TUNEWISE_DATA (default ../shared/data) and prints a table
from the `verdict.json` it wrote. Everything is chosen on dev; the figures are of the test part.
Vectors and tuned weights are cached, so a second run takes a minute or two. nan: not tried.
"""

import json
import os
import subprocess
import sys
import tempfile
from math import nan
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
SETS = ("medquad", "nl2bash", "tldr-en", "tldr-es", "covidqa", "squad-it", "cranfield")
COLUMNS = ("lexical", "pretrained", "hybrid", "adapter-query", "adapter-both",
           "adapter-query-hybrid", "adapter-both-hybrid", "partial", "partial-hybrid", "full",
           "full-hybrid")  # fmt: skip


def main() -> None:
    print("| set | test queries |", " | ".join(COLUMNS), "| best tuned − best untuned | answer |")
    print("|---|---|" + "---|" * (len(COLUMNS) + 2))
    for name in sys.argv[1:] or SETS:
        print(row(name, measured(name)), flush=True)


def measured(name: str) -> dict[str, Any]:
    """What `tunewise measure` wrote for one set."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tunewise", "measure", str(DATA / name), "--out", folder]
        subprocess.run(command, check=True, capture_output=True)
        facts: dict[str, Any] = json.loads(Path(folder, "verdict.json").read_text("utf-8"))
        return facts


def row(name: str, facts: dict[str, Any]) -> str:
    """One line of the table; the best untuned and tuned contenders on dev are marked."""
    metric = facts["metric"]
    mean = {one["name"]: one["scores"][metric]["mean"] for one in facts["contenders"]}
    chosen = (facts["best_untuned"], facts["best_tuned"])
    cells = [
        f"**{mean[column]:.3f}**" if column in chosen else f"{mean.get(column, nan):.3f}"
        for column in COLUMNS
    ]
    gain = facts["gain"]
    told = f"{gain['difference']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
    answer = facts["answer"] + (f" ({facts['contender']})" if facts["answer"] == "tune" else "")
    return f"| {name} | {gain['units']:,} | {' | '.join(cells)} | {told} | {answer} |"


if __name__ == "__main__":
    main()
