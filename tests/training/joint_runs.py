"""Tunes under torchrun or alone, the same runs, and writes what came of them.

    torchrun --nproc-per-node 2 tests/training/joint_runs.py HOME
    python tests/training/joint_runs.py HOME

HOME/model is the encoder, HOME/poisoned the same, to which one word is no number; runs lie in
HOME/<number of processes>/<name>. Any file that another process than the first opens to write
there is an error, and so is any warning.
"""

import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from tiny_models import a_lesson, a_recipe, an_exam, encoder_of

from tunewise.training.tuning import tune_encoder

RUNS = {
    "ranking": ("full", "ranking", {}),
    "cached": ("full", "cached-ranking", {"micro_batch": 3, "matryoshka": (16, 8)}),
    "cosent": ("full", "cosent", {}),
    "partial": ("partial", "cached-ranking", {"micro_batch": 3}),
    "lora": ("lora", "ranking", {}),
    "stopped": ("full", "ranking", {}),
    "poisoned": ("full", "cosine", {}),
}


def run(name, home, processes):
    rung, loss, other = RUNS[name]
    lesson = a_lesson(32, scored=loss.startswith("cos"))
    recipe = a_recipe(
        rung, learning_rate=1e-3, loss=loss, temperature=0.2, margin=0.5, epochs=1, looks=4,
        patience=4, **other,
    )  # fmt: skip
    exam = an_exam()
    if name == "poisoned":
        lesson = without_wagons(lesson)
        exam = replace(exam, first=("the kettle", "the ladder"), second=("kettle", "ladder"))
        lesson.columns[1][-1] = "wagon"
    model = home / ("poisoned" if name == "poisoned" else "model")
    given = (encoder_of(model), lesson, recipe, exam, home / processes / name)
    if name == "stopped":
        for _ in range(2):
            tune_encoder(*given, save_every=0, until=time.monotonic())
    return tune_encoder(*given)


def without_wagons(lesson):
    clean = ([text.replace("wagon", "pillow") for text in column] for column in lesson.columns)
    return replace(lesson, columns=tuple(clean))


def only_read(folder):
    """Makes it an error to open a file in the folder for writing."""

    def check(event, arguments):
        if event == "open" and str(arguments[0]).startswith(str(folder)):
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                raise PermissionError(f"{arguments[0]} is not for this process to write")

    sys.addaudithook(check)


def main():
    home, processes = Path(sys.argv[1]), os.environ.get("WORLD_SIZE", "1")
    torch.set_num_threads(1)
    if os.environ.get("RANK", "0") != "0":
        only_read(home)
    warnings.simplefilter("error")
    for name in RUNS:
        run(name, home, processes)
    if processes != "1":
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
