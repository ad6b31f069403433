"""How long the program takes to say anything, beside an empty Python.

Run: python benchmarks/startup.py [rounds]

Each round runs every command once, in turn, so that whatever else the machine does meanwhile meets
all of them. A ratio is taken within a round; the table has the median over the rounds, and between
which values the middle half lies.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 20
TUNEWISE = str(Path(sys.executable).with_name("tunewise"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import tunewise'": [sys.executable, "-c", "import tunewise"],
    "tunewise --help": [TUNEWISE, "--help"],
    "tunewise measure --help": [TUNEWISE, "measure", "--help"],
    "tunewise advise": [TUNEWISE, "advise"],
}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    measured = [{name: seconds(command) for name, command in COMMANDS.items()}
                for _ in range(rounds + 1)][1:]  # fmt: skip
    print(f"{rounds} rounds, median (middle half)\n")
    print("| command | seconds | times an empty Python |\n|---|---|---|")
    for name in COMMANDS:
        taken = [one[name] for one in measured]
        ratios = [one[name] / one["python -c pass"] for one in measured]
        print(f"| `{name}` | {spread(taken, 3)} | {spread(ratios, 1)} |")


def seconds(command: Sequence[str]) -> float:
    """Wall-clock seconds of one run."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def spread(values: Sequence[float], decimals: int) -> str:
    """The median, and the quarter and three-quarter points."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"


if __name__ == "__main__":
    main()
