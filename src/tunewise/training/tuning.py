"""tune_encoder: one run of one recipe, from rows of texts to weights, resumable at any moment."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.encoders import TransformerEncoder
from tunewise.encoders.threads import one_thread
from tunewise.encoders.transformer import no_bars
from tunewise.errors import EncoderError
from tunewise.files import write_text, writing
from tunewise.progress import Progress, silent
from tunewise.training.batches import batches
from tunewise.training.exam import Exam
from tunewise.training.lesson import Lesson
from tunewise.training.recipe import Recipe, recipe_of

if TYPE_CHECKING:
    from tunewise.training.sitting import Sitting
    from tunewise.training.trainer import Look

_FORMAT = 1
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How far the weights are moved from the base's to the tuned ones: the points of the frontier."""


@dataclass(frozen=True)
class Point:
    """Weights moved this share of the way: what the exam gives, and the exam of the other task."""

    share: float
    score: float
    kept: float | None = None


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
    progress: Progress = silent,
) -> Tuned:
    """The weights that did best on the exam along the way, and the points between base and them.

    Everything lies in `folder`. The same call finds a finished run there, or goes on from its
    last checkpoint, at most half a minute before it was killed, to the same weights. The exam
    and `keep`, the exam of another task, are taken by the base and at every look. When the clock
    (`time.monotonic`) reads `until`, training ends after the step it is at, with a last look.

    Raises DataError for a lesson with too few rows, EncoderError for a model that cannot be
    tuned this way, OptionError for a recipe that makes no sense, OutputError for a full disk.
    """
    key = _key(encoder, lesson, recipe, exam, keep)
    found = _finished(folder, key)
    if found is not None and not found.cut:
        return found
    with writing(folder), one_thread(), no_bars():
        _begin(folder, key)
        return _run(encoder, lesson, recipe, exam, folder, key, keep, track, until, progress)


def run_name(
    encoder: TransformerEncoder, lesson: Lesson, recipe: Recipe, exam: Exam, keep: Exam | None
) -> str:
    """A folder's name for a run, made of all that shapes it: the rung and 16 hexadecimal digits."""
    key = json.dumps(_key(encoder, lesson, recipe, exam, keep), sort_keys=True)
    return f"{recipe.rung}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _key(
    encoder: TransformerEncoder, lesson: Lesson, recipe: Recipe, exam: Exam, keep: Exam | None
) -> dict[str, Any]:
    def told(one: Exam | None) -> str:
        if one is None:
            return ""
        texts = "\x1e".join(text for texts, _ in one.texts for text in texts)
        whole = f"{one.metric}\x1d{texts}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(whole).hexdigest()[:16]

    return {
        "format": _FORMAT,
        "encoder": encoder.stamp,
        "lesson": lesson.fingerprint,
        "recipe": recipe.to_dict(),
        "exam": told(exam),
        "keep": told(keep),
    }


def _finished(folder: Path, key: Mapping[str, Any]) -> Tuned | None:
    from tunewise.training.trainer import Look

    path = folder / "tuned.json"
    if not path.is_file():
        return None
    saved = json.loads(path.read_text(encoding="utf-8"))
    if saved["key"] != key:
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
        cut=saved.get("cut", False),
    )


def _begin(folder: Path, key: Mapping[str, Any]) -> None:
    """Makes the folder ready; what another run left in it goes."""
    begun = folder / "run.json"
    if begun.is_file() and json.loads(begun.read_text(encoding="utf-8")) == key:
        return
    if _first():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_text(begun, json.dumps(key, indent=1) + "\n")


def _first() -> bool:
    """Whether this is the process that writes, the first or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


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
    progress: Progress,
) -> Tuned:
    from tunewise.training.sitting import Sitting
    from tunewise.training.trainer import Diverged

    sitting = Sitting(encoder, lesson, recipe, [exam, *([keep] if keep else [])], folder)
    made = batches(lesson, recipe.batch, seed=recipe.seed, multiple_of=_processes())
    notes = [*lesson.notes, *made.notes]

    def tell(step: int, steps: int, loss: float | None, best: float) -> None:
        shown = "" if loss is None else f", loss {loss:.3f}"
        progress(f"tuning ({recipe.rung}): dev {exam.metric} {best:.3f}{shown}", step, steps)

    watch = sitting.watch(exam, tell, writes=_first(), until=until)
    trainer = sitting.trainer(made, watch, track, processes=_processes())
    try:
        trainer.train(resume_from_checkpoint=sitting.resume_from)
    except Diverged as diverged:
        notes.append(
            f"{diverged}: training stopped there, and the best look before it is kept. "
            "A lower learning rate or --precision fp32 may help"
        )
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
    run["frontier"] = [asdict(point) for point in sitting.frontier(watch.looks, exam, keep)]
    return _concluded(sitting, folder, key, run)


def _concluded(
    sitting: "Sitting", folder: Path, key: Mapping[str, Any], run: Mapping[str, Any]
) -> Tuned:
    """Writes what came of a run, the file that says so last."""
    if _first():
        for stale in folder.glob("model-*"):  # made of what was there when time was up
            shutil.rmtree(stale)
        sitting.write(folder / "weights.safetensors")
        write_text(folder / "tuned.json", json.dumps({"key": key, **run}, indent=1) + "\n")
        if not run["cut"]:
            _tidy(folder)
    _wait_for_all()
    found = _finished(folder, key)
    if found is None:
        raise EncoderError(f"Another run took the folder '{folder}'. Choose one for each run.")
    return found


def _tidy(folder: Path) -> None:
    """Takes away what only a run that goes on would need."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path, ignore_errors=True)
    for name in ("states.bin", "best.safetensors"):
        (folder / name).unlink(missing_ok=True)


def _wait_for_all() -> None:
    import torch.distributed as together

    if together.is_available() and together.is_initialized():
        together.barrier()
