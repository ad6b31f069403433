"""What adapters gain on medquad by number of training queries, on a random division.

    python benchmarks/adapter_sizes.py [SIZE …]

1,000 test and 1,000 dev queries are drawn at random from all of medquad (TUNEWISE_DATA, default
../shared/data), so that questions about one disease stand on both sides: this is how such
figures are usually quoted, and kinder than `verdicts.py`, where the division is by disease.
Everything is chosen on dev. Prints nDCG@10 on test for the plain encoder and both adapters.
"""

import os
import sys
from pathlib import Path

import numpy as np

import tunewise
from tunewise.contenders import Contender, Setting, adapter, dev_mean, pretrained
from tunewise.task import Part, Task, Training

DATA = Path(os.environ.get("TUNEWISE_DATA", "../shared/data"))
METRIC = "nDCG@10"


def main() -> None:
    task = tunewise.read_task(DATA / "medquad")
    order = np.random.default_rng(0).permutation(len(task.judgments))
    test, dev, rest = part(task, order[:1000]), part(task, order[1000:2000]), order[2000:]
    encoder = tunewise.load_encoder()
    print("| training queries | pretrained | adapter-query | adapter-both |\n|---|---|---|---|")
    for size in [int(word) for word in sys.argv[1:]] or [200, 1000, 4000, 12000]:
        training = Training(task.documents, part(task, rest[:size]), dev, task.relevant_from)
        setting = Setting(training, [encoder], METRIC)
        fitted = [*pretrained.fit(setting, []), *adapter.fit(setting, [])]
        cells = " | ".join(f"{on_test(one, test):.3f}" for one in fitted)
        print(f"| {min(size, len(rest)):,} | {cells} |", flush=True)


def part(task: Task, places: np.ndarray) -> Part:
    """The judged queries at these places."""
    judged = list(task.judgments)
    ids = [judged[place] for place in places]
    queries = task.queries.take(task.queries.position[query] for query in ids)
    return Part(queries, {query: task.judgments[query] for query in ids}, ids)


def on_test(contender: Contender, test: Part) -> float:
    """The contender's mean on the test queries."""
    return dev_mean(contender.rank(test.queries), test, METRIC, 1.0)


if __name__ == "__main__":
    main()
