"""tune_encoder: one run of one recipe, from rows of texts to weights, resumable at any moment."""

import hashlib
import json
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewise.encoders import TransformerEncoder
from tunewise.encoders.model import no_bars
from tunewise.encoders.threads import one_thread
from tunewise.files import writing
from tunewise.heap import collected, give_back
from tunewise.progress import Progress, silent
from tunewise.training import run_folder
from tunewise.training.batches import batches
from tunewise.training.exam import Exam
from tunewise.training.lesson import Lesson
from tunewise.training.points import Point
from tunewise.training.processes import first, join, processes
from tunewise.training.recipe import Recipe, recipe_of

if TYPE_CHECKING:
    from tunewise.training.sitting import Sitting
    from tunewise.training.trainer import Look

_FORMAT = 2
_SAVED_EVERY = 30.0  # seconds of training that a kill may cost
# what the libraries ask of each other, on several processes
_NOT_FOR_US = (
    "`broadcast_buffers` is deprecated",
    r"torch\.distributed\.nn\.functional\.all_gather",
    "find_unused_parameters=True was specified",
)
_STOPPED = (
    "training stopped there, and the best look before it is kept. "
    "A lower learning rate or --precision fp32 may help"
)


@dataclass(frozen=True)
class Tuned:
    """What one run gave.

    `weights` is a safetensors file of the parameters that differ from the base's at share 1;
    `looks` are (step, score, loss) on dev along the way, the base's first; `frontier` has the
    points between the base (share 0) and the best weights seen (share 1). `seconds` is what the
    run took, over all its sittings; `steps` of `of_steps` were made; `cut` says that the time was
    up before they were, so that the same call goes on.
    """

    weights: Path
    recipe: Recipe
    metric: str
    looks: tuple["Look", ...]
    frontier: tuple[Point, ...]
    rows: int
    steps: int
    of_steps: int
    seconds: float
    notes: tuple[str, ...] = ()
    lora: Path | None = None
    cut: bool = False

    def settings(self, share: float) -> dict[str, Any]:
        """What is kept with a contender of these weights, this share of the way; for JSON."""
        return {
            "recipe": self.recipe.to_dict(),
            "blend": share,
            "training_pairs": self.rows,
            "looks": [{"step": look.step, "score": look.score} for look in self.looks],
        }

    def best(self, *, loss: float | None = None) -> Point:
        """The point with the highest score; a tie goes to the one nearer to the base.

        With `loss`, only points that give up no more than this on the other task.
        """
        allowed = [
            point
            for point in self.frontier
            if loss is None
            or point.kept is None
            or point.kept >= (self.frontier[0].kept or 0.0) - loss
        ]
        return max(allowed, key=lambda point: point.score)


def tune_encoder(
    encoder: TransformerEncoder,
    lesson: Lesson,
    recipe: Recipe,
    exam: Exam,
    folder: Path,
    *,
    keep: Exam | None = None,
    track: Sequence[str] = (),
    until: float | None = None,
    save_every: float = _SAVED_EVERY,
    progress: Progress = silent,
) -> Tuned:
    """The weights that did best on the exam along the way, and the points between base and them.

    Everything lies in `folder`. The same call finds a finished run there, or goes on from its
    last checkpoint, at most `save_every` seconds before it was killed, to the same weights; while
    another process is at it, it waits. The exam
    and `keep`, the exam of another task, are taken by the base and at every look. When the clock
    (`time.monotonic`) reads `until`, training ends after the step it is at, with a last look.

    Raises DataError for a lesson with too few rows, EncoderError for a model that cannot be
    tuned this way, OptionError for a recipe that makes no sense, OutputError for a full disk.
    """
    key = _key(encoder, lesson, recipe, exam, keep)
    if processes() == 1 and run_folder.is_tidy(folder):
        found = _finished(folder, key)
        if found is not None and not found.cut:
            return found
    with writing(folder), _as_it_was(), one_thread(), no_bars(), _held(folder, progress):
        join()
        found = _finished(folder, key)
        join()
        if found is not None and not found.cut:
            run_folder.tidy(folder)  # it was killed just before
            return found
        if first():
            # the batches are others where they are divided among more processes
            run_folder.begin(folder, {**key, "processes": processes()})
        join()
        try:
            with collected():
                return _run(
                    *(encoder, lesson, recipe, exam, folder, key),
                    *(keep, track, until, save_every, progress),
                )
        finally:
            give_back()


def run_name(
    encoder: TransformerEncoder, lesson: Lesson, recipe: Recipe, exam: Exam, keep: Exam | None
) -> str:
    """A folder's name for a run, made of all that shapes it: the rung and 16 hexadecimal digits."""
    key = json.dumps(_key(encoder, lesson, recipe, exam, keep), sort_keys=True)
    return f"{recipe.rung}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _key(
    encoder: TransformerEncoder, lesson: Lesson, recipe: Recipe, exam: Exam, keep: Exam | None
) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "encoder": encoder.stamp,
        "lesson": lesson.fingerprint,
        "recipe": recipe.to_dict(),
        "exam": _told(exam),
        "keep": "" if keep is None else _told(keep),
    }


def _told(exam: Exam) -> str:
    """Sixteen hexadecimal digits that change when an exam would give another score."""
    digest = hashlib.sha256(f"{type(exam).__name__} {exam.metric}".encode())
    for texts, side in exam.texts:
        digest.update(f"\x1d{side}".encode())
        for text in texts:
            digest.update(f"\x1e{text}".encode("utf-8", "surrogatepass"))
    for name, value in sorted(getattr(exam, "__dict__", {}).items()):  # what no text says
        right = getattr(value, "ids", value)
        right = right.tolist() if isinstance(right, np.ndarray) else right
        if isinstance(right, list | tuple | dict | float):
            digest.update(json.dumps([name, right], sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def _finished(folder: Path, key: Mapping[str, Any]) -> Tuned | None:
    from tunewise.training.trainer import Look

    saved = run_folder.result(folder, key)
    if saved is None:
        return None
    return Tuned(
        weights=folder / "weights.safetensors",
        recipe=recipe_of(saved["key"]["recipe"]),
        metric=saved["metric"],
        looks=tuple(Look(**one) for one in saved["looks"]),
        frontier=tuple(Point(**one) for one in saved["frontier"]),
        rows=saved["rows"],
        steps=saved["steps"],
        of_steps=saved["of_steps"],
        seconds=saved["seconds"],
        notes=tuple(saved["notes"]),
        lora=folder / "lora" if (folder / "lora").is_dir() else None,
        cut=saved["cut"],
    )


@contextmanager
def _held(folder: Path, progress: Progress) -> Iterator[None]:
    """The folder, held for this run; of several processes the first one holds it."""
    if not first():
        yield
        return
    with run_folder.alone(folder, progress):
        yield


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Puts back what the trainer changes for the whole program: seeds, and whose logs are shown."""
    import torch
    from accelerate.state import AcceleratorState
    from transformers.utils import logging

    drawn = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    shown = logging.get_verbosity()
    try:
        yield
    finally:
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])  # noqa: NPY002
        torch.set_rng_state(drawn[2])
        if on_gpus:
            torch.cuda.set_rng_state_all(on_gpus)
        logging.set_verbosity(shown)
        if processes() == 1:  # it remembers that there is no GPU, for whoever comes next
            AcceleratorState._reset_state(reset_partial_state=True)


def _run(
    encoder: TransformerEncoder,
    lesson: Lesson,
    recipe: Recipe,
    exam: Exam,
    folder: Path,
    key: Mapping[str, Any],
    keep: Exam | None,
    track: Sequence[str],
    until: float | None,
    save_every: float,
    progress: Progress,
) -> Tuned:
    from tunewise.training.sitting import Sitting
    from tunewise.training.trainer import Diverged

    sitting = Sitting(encoder, lesson, recipe, [exam, *([keep] if keep else [])], folder)
    made = batches(lesson, recipe.batch, seed=recipe.seed, multiple_of=processes())
    notes = [*lesson.notes, *made.notes]

    def tell(step: int, steps: int, loss: float | None, best: float) -> None:
        shown = "" if loss is None else f", loss {loss:.3f}"
        progress(f"tuning ({recipe.rung}): dev {exam.metric} {best:.3f}{shown}", step, steps)

    watch = sitting.watch(exam, tell, until=until, every=save_every)
    trainer = sitting.trainer(made, watch, track, processes=processes())
    try:
        with _quiet_libraries():
            trainer.train(resume_from_checkpoint=sitting.resume_from)
    except Diverged as diverged:
        notes.append(f"{diverged}: {_STOPPED}")
    run = {
        "metric": exam.metric,
        "looks": [asdict(look) for look in watch.looks],
        "rows": len(lesson),
        "steps": trainer.state.global_step,
        "of_steps": trainer.state.max_steps,
        "seconds": watch.seconds,
        "cut": watch.cut,
        "notes": notes,
    }
    if first():
        run["frontier"] = [asdict(point) for point in sitting.frontier(watch.looks, exam, keep)]
        _conclude(sitting, folder, key, run)
    join()
    found = _finished(folder, key)
    assert found is not None  # noqa: S101 - nobody else may write here
    return found


def _conclude(
    sitting: "Sitting", folder: Path, key: Mapping[str, Any], run: Mapping[str, Any]
) -> None:
    run_folder.withdraw(folder)  # made of what was there when time was up
    sitting.write(folder / "weights.safetensors")
    run_folder.conclude(folder, key, run)
    if not run["cut"]:
        run_folder.tidy(folder)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        for told in _NOT_FOR_US:
            warnings.filterwarnings("ignore", message=told)
        yield
