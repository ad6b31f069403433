"""Trainer: the sentence-transformers trainer, given rows that are read already, watched on dev."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformerTrainer
from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from tunewise.errors import EncoderError
from tunewise.files import write_text
from tunewise.training import checkpoints
from tunewise.training.lanes import Lanes
from tunewise.training.processes import anywhere, from_first, processes
from tunewise.training.reading import Places, Reader


@dataclass(frozen=True)
class Look:
    """One look at dev: after how many steps, what the exam gave, the mean loss since the last."""

    step: int
    score: float
    loss: float | None = None


class Diverged(Exception):  # noqa: N818 - no error: training stops, and the last good is kept
    """What training computes is no number any more, from a step on."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"{what} at step {step}")
        self.step = step


class Rows:
    """A batch of row numbers as what the trainer's losses take: each column's features."""

    valid_label_columns: Sequence[str] = ()  # asked for by the trainer

    def __init__(self, reader: Reader, columns: Sequence[Places], scores: Any) -> None:
        self._reader = reader
        self.columns = columns
        self.labels = None if scores is None else torch.tensor(scores, dtype=torch.float32)

    def __call__(self, drawn: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        """The features of every column, each name with its column's before it."""
        rows = torch.tensor([one["row"] for one in drawn])
        batch: dict[str, Any] = {"rows": rows, "return_loss": True}
        for place, column in enumerate(self.columns):
            features = self._reader.features(column[rows.numpy()])
            batch |= {f"column{place}_{name}": value for name, value in features.items()}
        if self.labels is not None:
            batch["label"] = self.labels[rows]
        return batch


class RowNumbers:
    """A batch of row numbers as it is, for lanes, which take the texts piece by piece."""

    valid_label_columns: Sequence[str] = ()

    def __init__(self, columns: Sequence[Places], scores: Any) -> None:
        self.columns = columns
        self.labels = None if scores is None else torch.tensor(scores, dtype=torch.float32)

    def __call__(self, drawn: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        """The rows (b,)."""
        return {"rows": torch.tensor([one["row"] for one in drawn]), "return_loss": True}


class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]  # not checked either
    """As sentence-transformers trains, except where it is measurably slower on a processor.

    With `lanes`, a batch's texts run beside one another (`lanes.py`). Checkpoints hold the
    trained weights only, as safetensors. A loss that is no number raises Diverged. On a GPU that
    runs out of memory the batch is encoded in smaller parts by `smaller`, and again; without
    `smaller`, and on several processes, whose work must stay in step, EncoderError is raised.
    """

    def __init__(
        self,
        *,
        lanes: Lanes | None = None,
        smaller: Callable[[], torch.nn.Module] | None = None,
        **options: Any,
    ) -> None:
        self._lanes = lanes
        self._smaller = smaller
        super().__init__(**options)
        for callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(callback)

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """One batch: its loss, with gradients in the parameters."""
        rows = inputs.pop("rows")
        loss = (
            self._fitting(model, inputs, num_items_in_batch)
            if self._lanes is None
            else self._in_lanes(self._lanes, rows.cpu())
        )
        value = float(loss)
        # all processes must stop, or those that go on would wait for the others for ever
        if anywhere(not math.isfinite(value), loss.device):
            what = "no number" if math.isfinite(value) else value  # here, or elsewhere
            raise Diverged(self.state.global_step + 1, f"the loss became {what}")
        return loss

    def _in_lanes(self, lanes: Lanes, rows: torch.Tensor) -> torch.Tensor:
        self.model.train()
        data = self.data_collator
        labels = None if data.labels is None else data.labels[rows]
        return lanes.learn([column[rows.numpy()] for column in data.columns], self.loss, labels)

    def _fitting(self, model: torch.nn.Module, inputs: dict[str, Any], items: Any) -> torch.Tensor:
        while True:
            try:
                found: torch.Tensor = super().training_step(model, dict(inputs), items)
                return found
            except torch.OutOfMemoryError as full:
                if self._smaller is None or processes() > 1:
                    raise EncoderError(
                        "The GPU has too little memory for a batch. Give a smaller batch, or the "
                        "loss cached-ranking, which encodes a batch in parts."
                    ) from full
            model.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.loss = self.prepare_loss(self._smaller(), self.model)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Adds none: the card is written from the measurement, not from the training."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Writes none."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.args.should_save:
            checkpoints.save_checkpoint(
                Path(self.args.output_dir),
                self.model,
                self.optimizer,
                self.lr_scheduler,
                self.accelerator.scaler,
                self.state,
            )

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: torch.nn.Module | None = None
    ) -> None:
        checkpoints.load_checkpoint_weights(Path(resume_from_checkpoint), self.model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            scaler = self.accelerator.scaler
            checkpoints.load_checkpoint(Path(checkpoint), self.optimizer, self.lr_scheduler, scaler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        """Did that already."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Nothing is drawn at random while a model is trained."""


class Epochs(TrainerCallback):  # type: ignore[misc]  # transformers is not checked
    """Tells the batches which epoch it is; on several processes nobody else does."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self._told = told

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Counts from 0, and not by rounding down: a resumed epoch may be 0.9999999."""
        self._told(int(state.epoch + 1e-6))


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is not checked
    """Looks at dev as training goes on, keeps the best weights, and saves now and then.

    `score` gives the exam's score of the model as it stands. What was seen lies in `folder`:
    the weights of the best look by its step, and then looks.json. On several processes the first
    one looks, and says when to stop and to save. `every` is the seconds of training between two
    checkpoints: what a kill may cost.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        score: Callable[[], float],
        folder: Path,
        *,
        looks: int,
        patience: int,
        tell: Callable[[int, int, float | None, float], None],
        writes: bool = True,
        until: float | None = None,
        every: float = 30.0,
    ) -> None:
        self._model = model
        self._score = score
        self._folder = folder
        self._often = looks
        self._patience = patience
        self._tell = tell
        self._writes = writes
        self._until = math.inf if until is None else until
        self._every = every
        self.cut = False
        self._losses: list[float] = []
        self._began = self._saved = time.monotonic()
        self._earlier = 0.0
        self.looks: list[Look] = []

    @property
    def seconds(self) -> float:
        """What training has taken so far, earlier sittings as far as they are known included."""
        return self._earlier + time.monotonic() - self._began

    @property
    def best(self) -> Look:
        """The look that saw the highest score; of equals, the first."""
        return max(self.looks, key=lambda look: look.score)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Takes up the looks made before the step that training goes on from, and the losses."""
        if state.global_step:
            looks, self._earlier = read_looks(self._folder)
            self.looks = [look for look in looks if look.step <= state.global_step]
            last = self.looks[-1].step
            logged = [one for one in state.log_history if "loss" in one and one["step"] > last]
            self._losses = [one["loss"] for one in logged]
        else:
            self._look(0)
        self._tell(state.global_step, state.max_steps, None, self.best.score)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """After each step: looks, where it is time to, and stops where that is of no use any more.

        No checkpoint is made of a step that ends training, except when the time is up: whoever
        went on from there would not know that it had ended.
        """
        if not logs or "loss" not in logs:
            return
        self._losses.append(float(logs["loss"]))
        step, steps = state.global_step, state.max_steps
        due = {round(steps * each / self._often) for each in range(1, self._often + 1)}
        if step in due:
            self._look(step)
            later = [look for look in self.looks if look.step > self.best.step and look.step in due]
            control.should_training_stop |= len(later) >= self._patience
        now = time.monotonic()
        late, old = from_first([now > self._until, now - self._saved >= self._every], self._place)
        if step < steps and not control.should_training_stop:
            control.should_save |= bool(old)
            if late:
                self._stop(step, control)
        self._tell(step, steps, float(logs["loss"]), self.best.score)

    def _stop(self, step: int, control: Any) -> None:
        """Ends training here, with a look at what it came to and a checkpoint to go on from."""
        if self.looks[-1].step < step:
            self._look(step)
        self.cut = control.should_training_stop = control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Lets go of the weights that were best before; until here a kill might need them."""
        if self._writes:
            for path in self._folder.glob("best-*.safetensors"):
                if path != best_weights(self._folder, self.best.step):
                    path.unlink()
        self._saved = time.monotonic()

    @property
    def _place(self) -> torch.device:
        return next(self._model.parameters()).device

    def _look(self, step: int) -> None:
        (score,) = from_first([self._score() if self._writes else 0.0], self._place)
        if not math.isfinite(score):
            if not step:
                raise EncoderError(
                    "The encoder's vectors of the dev part are no numbers, so it cannot be tuned. "
                    "Try --precision fp32, or another encoder."
                )
            raise Diverged(step, "the vectors became no numbers")
        loss = sum(self._losses) / len(self._losses) if self._losses else None
        self._losses = []
        better = bool(self.looks) and score > self.best.score
        self.looks.append(Look(step, score, loss))
        if self._writes:
            if better:
                checkpoints.save_weights(self._model, best_weights(self._folder, step))
            seen = {"looks": [asdict(one) for one in self.looks], "seconds": self.seconds}
            write_text(self._folder / "looks.json", json.dumps(seen, indent=1) + "\n")


def best_weights(folder: Path, step: int) -> Path:
    """The file of the weights that a look at this step found best; none is written for step 0."""
    return folder / f"best-{step}.safetensors"


def read_looks(folder: Path) -> tuple[list[Look], float]:
    """The looks that were made in a folder, and the seconds training had taken until the last."""
    kept = json.loads((folder / "looks.json").read_text(encoding="utf-8"))
    return [Look(**one) for one in kept["looks"]], kept["seconds"]


def to_go_on_from(folder: Path) -> Path | None:
    """The newest checkpoint, if what was seen until then is there too; else None."""
    found = checkpoints.last_checkpoint(folder)
    if found is None or not (folder / "looks.json").is_file():
        return None
    step = int(found.name.rpartition("-")[2])
    looks = [look for look in read_looks(folder)[0] if look.step <= step]
    best = max(looks, key=lambda look: look.score)
    return found if not best.step or best_weights(folder, best.step).is_file() else None
