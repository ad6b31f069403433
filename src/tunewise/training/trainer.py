"""Trainer: the sentence-transformers trainer, given rows that are read already, watched on dev."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformerTrainer
from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from tunewise.files import whole, write_text
from tunewise.training.lanes import Lanes
from tunewise.training.layers import trained
from tunewise.training.reading import Places, Reader

_WEIGHTS = "trained.safetensors"
_FINISHED = "finished"  # in a checkpoint that was written to its end
_SAVED_EVERY = 30.0  # seconds of training that a kill may cost


@dataclass(frozen=True)
class Look:
    """One look at dev: after how many steps, what the exam gave, the mean loss since the last."""

    step: int
    score: float
    loss: float | None = None


class Diverged(Exception):  # noqa: N818 - no error: training stops, and the last good is kept
    """The loss is no number any more."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"the loss became {loss} at step {step}")
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
    runs out of memory the batch is encoded in smaller parts by `smaller`, and again.
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
        if not math.isfinite(value):
            raise Diverged(self.state.global_step + 1, value)
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
            except torch.OutOfMemoryError:
                if self._smaller is None:
                    raise
            model.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.loss = self.prepare_loss(self._smaller(), self.model)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Adds none: the card is written from the measurement, not from the training."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Writes none."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.model, folder / _WEIGHTS)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: torch.nn.Module | None = None
    ) -> None:
        load_weights(self.model, Path(resume_from_checkpoint) / _WEIGHTS)


def save_weights(model: torch.nn.Module, path: Path) -> None:
    """Writes the weights that are trained, whole, as safetensors."""
    kept = {name: p.detach().cpu().contiguous() for name, p in trained(model).items()}
    with whole(path) as beside:
        save_file(kept, beside)


def load_weights(model: torch.nn.Module, path: Path) -> None:
    """Puts weights that `save_weights` wrote back in their places."""
    kept = load_file(path)
    with torch.no_grad():
        for name, parameter in trained(model).items():
            parameter.copy_(kept[name])


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
    looks.json and best.safetensors, the first written last.
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
    ) -> None:
        self._model = model
        self._score = score
        self._folder = folder
        self._often = looks
        self._patience = patience
        self._tell = tell
        self._writes = writes
        self._until = until
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
        """Takes up the looks made before the step that training goes on from."""
        seen = self._folder / "looks.json"
        if state.global_step and seen.is_file():
            kept = json.loads(seen.read_text(encoding="utf-8"))
            looks = [Look(**one) for one in kept["looks"]]
            self.looks = [look for look in looks if look.step <= state.global_step]
            self._earlier = kept["seconds"]
        if not self.looks:
            self._look(0, None)
        self._tell(state.global_step, state.max_steps, None, self.best.score)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Remembers the loss."""
        if logs and "loss" in logs:
            self._losses.append(float(logs["loss"]))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Looks, where it is time to, and stops where looking has shown nothing new for long."""
        step, steps = state.global_step, state.max_steps
        due = {round(steps * each / self._often) for each in range(1, self._often + 1)}
        if step in due:
            self._look(step, sum(self._losses) / len(self._losses) if self._losses else None)
            self._losses = []
            later = [look for look in self.looks if look.step > self.best.step and look.step in due]
            control.should_training_stop |= len(later) >= self._patience
        if step < steps and not control.should_training_stop and self._late():
            self._stop(step, control)
        if time.monotonic() - self._saved > _SAVED_EVERY and step < steps:
            control.should_save = True
        self._tell(step, steps, self._losses[-1] if self._losses else None, self.best.score)

    def _late(self) -> bool:
        """Whether the time is up, for the first process: all must stop at the same step."""
        if self._until is None:
            return False
        import torch.distributed as together

        place = next(self._model.parameters()).device
        late = torch.tensor([float(time.monotonic() > self._until)], device=place)
        if together.is_available() and together.is_initialized():
            together.broadcast(late, 0)
        return bool(late.item())

    def _stop(self, step: int, control: Any) -> None:
        """Ends training here, with a look at what it came to and a checkpoint to go on from."""
        if self.looks[-1].step < step:
            self._look(step, sum(self._losses) / len(self._losses) if self._losses else None)
        self.cut = control.should_training_stop = control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Marks the checkpoint as whole, and takes out what is a pickle and never read."""
        if self._writes:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (folder / "training_args.bin").unlink(missing_ok=True)
            write_text(folder / _FINISHED, "")
        self._saved = time.monotonic()

    def _look(self, step: int, loss: float | None) -> None:
        training = self._model.training
        self._model.eval()
        look = Look(step, self._score(), loss)
        self._model.train(training)
        better = not self.looks or look.score > self.best.score
        self.looks.append(look)
        if self._writes:
            if better:
                save_weights(self._model, self._folder / "best.safetensors")
            seen = {"looks": [asdict(one) for one in self.looks], "seconds": self.seconds}
            write_text(self._folder / "looks.json", json.dumps(seen, indent=1) + "\n")


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in a folder that was written to its end; None if there is none."""
    found = [path.parent for path in folder.glob(f"checkpoint-*/{_FINISHED}")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
