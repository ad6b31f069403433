"""Kills tuning runs with SIGKILL, starts them again, and compares what they end with.

    python tests/training/killed_runs.py random:RUNG:KILLS[:SEED]   at random moments
    python tests/training/killed_runs.py writes:RUNG:EVERY          before every EVERY-th change
                                                                    of a file in the folder

Each run is a child of this process that has imported all there is to import, so that kills fall
into the work. Prints a line of JSON for each that is asked for: kills, runs that were finished,
and those that differ.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from tiny_models import a_lesson, a_recipe, an_exam, encoder_of, make_model

from tunewise.training.run_folder import is_tidy
from tunewise.training.tuning import tune_encoder

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}


def go(model, rung, folder):
    """A run of 16 steps that is saved after each, with looks in between."""
    recipe = a_recipe(rung, learning_rate=1e-2, epochs=4, batch=6, looks=6, patience=6)
    return tune_encoder(
        encoder_of(model), a_lesson(), recipe, an_exam(), folder, keep=an_exam(6, 5), save_every=0
    )


def child(work):
    """Runs `work` in a child process, whose number it gives."""
    number = os.fork()
    if number:
        return number
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def ended(number):
    """Whether a child ended by itself; raises if it failed."""
    _, status = os.waitpid(number, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status):
        raise RuntimeError("a run failed that should have gone on")
    return True


def what_is_left(folder):
    """All that an uninterrupted run and a killed one must agree on, to the bit."""
    told = json.loads((folder / "tuned.json").read_text())
    told.pop("seconds")
    assert is_tidy(folder)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    lora = [path.read_bytes() for path in sorted((folder / "lora").glob("*.safetensors"))]
    return told, (folder / "weights.safetensors").read_bytes(), lora


def at_random(model, rung, home, kills, seed):
    draw = np.random.default_rng(seed)
    began = time.monotonic()
    ended(child(lambda: go(model, rung, home / "whole")))
    lasts = time.monotonic() - began
    expected = what_is_left(home / "whole")
    killed, finished, differ, steps = 0, 0, 0, set()
    while killed < kills or (home / "run").exists():
        number = child(lambda: go(model, rung, home / "run"))
        if killed < kills:
            time.sleep(draw.uniform(0.1 * lasts, 0.9 * lasts))
            os.kill(number, signal.SIGKILL)
        if ended(number):
            finished += 1
            differ += what_is_left(home / "run") != expected
            shutil.rmtree(home / "run")
        else:
            killed += 1
            steps |= {path.name for path in (home / "run").glob("checkpoint-*")}
    return {"kills": killed, "finished": finished, "differ": differ, "saved at": len(steps)}


def killed_before(change, folder, work):
    """Does the work, and dies before the change of this number in the folder, counted from 0."""
    seen = 0

    def count(event, arguments):
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        path = arguments[0] if (writes or event in CHANGES) and arguments else None
        if isinstance(path, str | os.PathLike) and str(path).startswith(str(folder)):
            seen += 1
            if seen > change:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    work()


def at_writes(model, rung, home, every):
    ended(child(lambda: go(model, rung, home / "whole")))
    expected = what_is_left(home / "whole")
    change, finished, differ = 0, 0, 0
    while True:
        folder = home / f"run-{change}"
        work = lambda: killed_before(change, folder, lambda: go(model, rung, folder))  # noqa: B023, E731
        if ended(child(work)):
            break
        ended(child(lambda: go(model, rung, folder)))  # noqa: B023
        finished += 1
        differ += what_is_left(folder) != expected
        shutil.rmtree(folder)
        change += every
    return {"changes": change, "finished": finished, "differ": differ}


def main():
    torch.set_num_threads(1)
    for asked in sys.argv[1:]:
        how, rung, count, *seed = asked.split(":")
        with tempfile.TemporaryDirectory() as made:
            home = Path(made)
            model = make_model(home / "base")
            if how == "random":
                found = at_random(model, rung, home, int(count), int(seed[0]) if seed else 0)
            else:
                found = at_writes(model, rung, home, int(count))
        print(json.dumps({"asked": asked, **found}))


if __name__ == "__main__":
    main()
