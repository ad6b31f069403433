"""Enough: whether a job has as much to learn from as it takes, told in the words of a job.

What reading, dividing and tuning say of too little speaks of parts and judgments, which who
uploads rows has never made. `docs/guide/jobs.md` has the same numbers.
"""

from pathlib import Path

from tunewise.data.examples import Examples, ScoredPairs
from tunewise.data.groups import fewest_groups, scorable
from tunewise.errors import DataError
from tunewise.measurement.kinds import FEWEST_DEV
from tunewise.task import Task

FEWEST_OF_RUNG = 64
"""Rows of which ten are dev, where nothing is said of parts."""
FEWEST_BESIDE_VALIDATION = 20
"""The same where test is a file of its own: half of so few are dev."""


def require_rows(path: Path, called: str) -> None:
    """Raises DataError for a file of fewer rows than any job can be measured on."""
    with path.open("rb") as lines:
        rows = sum(1 for _ in lines)
    if rows < fewest_groups():
        raise DataError(
            f"'{called}' has {rows} rows, and a job takes {fewest_groups()} about different things "
            f"at the least, or {FEWEST_OF_RUNG} for a rung by name. Add rows: it takes a few "
            "hundred to tell a small gain from none."
        )


def require_enough(data: Examples, rung: str, called: str, *, validated: bool) -> None:
    """Raises DataError for examples that leave a rung by name too few for dev.

    Those with a dev part of their own are left to who tunes, and so is the rung "auto".
    """
    takes = FEWEST_BESIDE_VALIDATION if validated else FEWEST_OF_RUNG
    if isinstance(data, Task):
        units, own_dev = "queries", "dev" in data.parts.values()
        rows = sum(data.parts.get(query) != "test" for query in scorable(data))
    else:
        units = "pairs" if isinstance(data, ScoredPairs) else "texts"
        own_dev = int((data.parts == "dev").sum()) >= FEWEST_DEV
        rows = int((data.parts != "test").sum()) if validated else len(data.parts)
    if rung == "auto" or own_dev or rows >= takes:
        return
    without = f" Without a rung and hyperparameters {fewest_groups()} will do."
    raise DataError(
        f"'{called}' has {rows} different {units}, and the rung '{rung}' takes {takes}: "
        f"{FEWEST_DEV} of them are kept to tell when to stop. Add rows."
        + (without if isinstance(data, Task) and not validated else "")
    )
