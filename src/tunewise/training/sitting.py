"""Sitting: a model made ready to be trained by a recipe, and what is done with it then."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformerTrainingArguments
from torch import nn

from tunewise.encoders import TransformerEncoder
from tunewise.encoders.vectors import Side
from tunewise.errors import EncoderError, OptionError
from tunewise.files import whole_folder
from tunewise.training.batches import Batches
from tunewise.training.checkpoints import load_weights, write_tensors
from tunewise.training.exam import Exam, Vectors
from tunewise.training.lanes import Given, Lanes, vectors_on_device
from tunewise.training.layers import Cut, layers_of, linear_layers, trained, without_dropout
from tunewise.training.lesson import Lesson
from tunewise.training.losses import build_loss
from tunewise.training.points import SHARES, Point
from tunewise.training.processes import first
from tunewise.training.reading import Reader
from tunewise.training.recipe import Recipe
from tunewise.training.trainer import (
    Epochs,
    Look,
    RowNumbers,
    Rows,
    Trainer,
    Watch,
    best_weights,
    to_go_on_from,
)

_ADAPTER = "default"
_LEAST_MICRO_BATCH = 1
_CACHED = 32  # texts a cached loss encodes at once where the recipe does not say
_PROBE = 4  # shortest and longest texts that a cut model is tried on
_NEAR = {True: 0.05, False: 1e-4}  # what vectors may differ by, in half precision and whole


class _NoNumbers(Exception):  # noqa: N818 - no error: whoever asked for a score gets none
    """Vectors that are no numbers."""


class Sitting:
    """A copy of the encoder with the rung's parameters free, its texts read, its folder known."""

    def __init__(
        self,
        encoder: TransformerEncoder,
        lesson: Lesson,
        recipe: Recipe,
        exams: Sequence[Exam],
        folder: Path,
    ) -> None:
        torch.manual_seed(recipe.seed)  # LoRA's first matrices are random
        self._lesson, self._recipe, self._folder = lesson, recipe, folder
        self._model = encoder.copy()
        self._on_processor = self._model.device.type == "cpu"
        layers = layers_of(self._model, encoder.name)
        without_dropout(self._model)
        sides: tuple[Side, ...] = ("queries", "documents")
        self._reader = Reader(self._model, {side: encoder.prompt(side) for side in sides})
        self._columns = [
            self._reader.read(texts, side)
            for texts, side in zip(lesson.columns, lesson.sides, strict=True)
        ]
        for exam in exams:
            for texts, side in exam.texts:
                self._reader.read(texts, side)
        cached = recipe.loss.startswith("cached-")
        half = self._on_processor and recipe.precision == "bf16"
        if half and hasattr(self._model.transformers_model, "set_attn_implementation"):
            # a fifth quicker than the fused one, which has no bf16 kernel for processors
            self._model.transformers_model.set_attn_implementation("eager")
        self._lanes = Lanes(self._model, self._reader, half=half, again=cached)
        self._free(layers, encoder.name)
        self._start = {name: p.detach().clone() for name, p in trained(self._model).items()}

    @property
    def resume_from(self) -> str | None:
        """The checkpoint to go on from, if there is one."""
        found = to_go_on_from(self._folder)
        return None if found is None else str(found)

    def watch(
        self,
        exam: Exam,
        tell: Callable[[int, int, float | None, float], None],
        *,
        until: float | None = None,
        every: float = 30.0,
    ) -> Watch:
        """What looks at dev while the model is trained."""
        return Watch(
            self._model,
            lambda: self._score(exam),
            self._folder,
            looks=self._recipe.looks,
            patience=self._recipe.patience,
            tell=tell,
            writes=first(),
            until=until,
            every=every,
        )

    def encode(self, texts: Sequence[str], side: Side) -> Vectors:
        """Unit vectors (n, d) by the model as it stands."""
        numbers = self._reader.read(texts, side)
        if self._on_processor:
            found = self._lanes.vectors(numbers)
        else:
            kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
            half = kinds.get(self._recipe.precision)
            found = vectors_on_device(self._model, self._reader, numbers, half)
        if not np.isfinite(found).all():
            raise _NoNumbers
        return found

    def _score(self, exam: Exam) -> float:
        """What an exam gives the model as it stands; NaN where its vectors are no numbers."""
        try:
            return exam(self.encode)
        except _NoNumbers:
            return math.nan

    def trainer(
        self, made: Batches, watch: Watch, track: Sequence[str], *, processes: int
    ) -> Trainer:
        """The trainer, ready to train."""
        in_lanes = self._on_processor and processes == 1
        scores, recipe = self._lesson.scores, self._recipe
        collate = (
            RowNumbers(self._columns, scores)
            if in_lanes
            else Rows(self._reader, self._columns, scores)
        )
        optimizer = torch.optim.AdamW(
            trained(self._model).values(),
            lr=recipe.learning_rate,
            weight_decay=0.0,
            fused=self._model.device.type in ("cpu", "cuda"),
        )
        return Trainer(
            lanes=self._lanes if in_lanes else None,
            smaller=halving(
                self._model, recipe, made.batch_size // processes, gather=processes > 1
            ),
            model=self._model,
            args=self._arguments(made, track, in_lanes, processes),
            train_dataset=Dataset.from_dict({"row": list(range(len(self._lesson)))}),
            loss=self._loss(in_lanes, processes),
            data_collator=collate,
            callbacks=[Epochs(made.set_epoch), watch],
            optimizers=(optimizer, None),
        )

    def frontier(self, looks: Sequence[Look], exam: Exam, keep: Exam | None) -> list[Point]:
        """The exams' scores from the base to the best weights seen, which stay in the model."""
        base, best = looks[0], max(looks, key=lambda look: look.score)
        goal = dict(self._start)
        if best.step:
            load_weights(self._model, best_weights(self._folder, best.step))
            goal = {name: p.detach().clone() for name, p in trained(self._model).items()}
        known = {0.0: base.score, 1.0: best.score}
        points = []
        for share in SHARES if best.step else (0.0,):
            self._move(goal, share)
            score = known[share] if share in known else self._score(exam)
            kept = self._score(keep) if keep else None
            if math.isfinite(score) and (kept is None or math.isfinite(kept)):
                points.append(Point(share, score, kept))
        self._move(goal, 1.0)
        return points

    def write(self, path: Path) -> None:
        """Writes the weights that differ from the base's, under the base's names.

        Beside it, for LoRA, a folder `lora` that PEFT reads.
        """
        if self._recipe.rung == "lora":
            with whole_folder(path.parent / "lora") as beside:
                self._model.transformers_model.save_pretrained(str(beside))
            changed = _merged(self._model)
        else:
            changed = {name: p.detach() for name, p in trained(self._model).items()}
        write_tensors(changed, path)

    def _free(self, layers: nn.ModuleList, name: str) -> None:
        recipe = self._recipe
        if recipe.rung == "lora":
            from peft import LoraConfig

            self._model.add_adapter(
                LoraConfig(
                    r=recipe.rank,
                    lora_alpha=2 * recipe.rank,
                    target_modules=list(linear_layers(self._model, layers)),
                ),
                _ADAPTER,
            )
            for parameter_name, parameter in self._model.named_parameters():
                # also of the modules after the transformer: LoRA's adapter could not hold them
                parameter.requires_grad_("lora_" in parameter_name)
        if recipe.rung == "partial":
            if not 0 < recipe.frozen_layers < len(layers):
                raise OptionError(
                    f"{recipe.frozen_layers} layers cannot be frozen: the encoder '{name}' has "
                    f"{len(layers)}. Freeze 1 to {len(layers) - 1}, or use --rung full."
                )
            cut = Cut(self._model, layers, recipe.frozen_layers)
            if self._on_processor:
                self._engage(cut, name)

    def _engage(self, cut: Cut, name: str) -> None:
        """Runs all texts through the frozen layers, and proves that none may be passed by wrong."""
        order = np.argsort(self._reader.lengths(np.arange(len(self._reader))), kind="stable")
        probe = np.unique(np.concatenate([order[:_PROBE], order[-_PROBE:]]))
        plain = self._lanes.vectors(probe)
        width = self._model.transformers_model.config.hidden_size
        why = "its vectors come out different"
        try:
            self._lanes.states(cut.states, width, self._folder / f"states-{os.getpid()}.bin")
            cut.engage()
            after = self._lanes.vectors(probe)
            # a text that gives no numbers is found out when it is trained on
            off = float(np.abs(np.nan_to_num(after) - np.nan_to_num(plain)).max())
        except (
            *(RuntimeError, TypeError, ValueError, LookupError, AttributeError),
            EncoderError,
        ) as wrong:
            off, why = math.inf, str(wrong)
        half = self._recipe.precision == "bf16"
        if not off <= _NEAR[half]:
            raise EncoderError(
                f"The encoder '{name}' is built so that its lower layers cannot be frozen and run "
                f"once: {why}. Use --rung lora or full."
            )

    def _move(self, goal: dict[str, torch.Tensor], share: float) -> None:
        """Puts the weights this share of the way from the base to a goal."""
        with torch.no_grad():
            for name, parameter in trained(self._model).items():
                # of LoRA's two matrices only one starts at zero: moving that one is enough
                begin = goal[name] if "lora_A" in name else self._start[name]
                parameter.copy_(torch.lerp(begin, goal[name], share))

    def _loss(self, in_lanes: bool, processes: int) -> nn.Module:
        if not in_lanes:
            return build_loss(self._model, self._recipe, gather=processes > 1)
        plain = replace(self._recipe, loss=self._recipe.loss.removeprefix("cached-"))
        return build_loss(Given(self._model.get_embedding_dimension()), plain)

    def _arguments(
        self, made: Batches, track: Sequence[str], in_lanes: bool, processes: int
    ) -> SentenceTransformerTrainingArguments:
        recipe = self._recipe
        steps = len(made) * recipe.epochs
        return SentenceTransformerTrainingArguments(
            output_dir=str(self._folder),
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=made.batch_size,
            batch_sampler=made.for_trainer,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=max(1, round(recipe.warm_up * steps)),
            logging_steps=1,
            save_strategy="no",
            save_total_limit=2,
            report_to=list(track) or "none",
            disable_tqdm=True,
            seed=recipe.seed,
            use_cpu=self._on_processor,
            bf16=not in_lanes and recipe.precision == "bf16",
            fp16=not in_lanes and recipe.precision == "fp16",
            ddp_backend="gloo" if processes > 1 and self._on_processor else None,
            # the full rung's pooler, which most models have and do not use
            ddp_find_unused_parameters=recipe.rung == "full" if processes > 1 else None,
            accelerator_config={"split_batches": processes > 1},
            dataloader_drop_last=processes > 1,  # each is full: Batches sees to it
            dataloader_pin_memory=not self._on_processor,
        )


def halving(
    model: Any, recipe: Recipe, rows: int, *, gather: bool = False
) -> Callable[[], nn.Module] | None:
    """Gives, each time it is asked, the recipe's loss with half as many texts encoded at once.

    It begins with what the recipe's own loss encodes, of a batch of `rows`, and raises
    EncoderError after a single one. None for losses that cannot be cut.
    """
    word = recipe.loss.removeprefix("cached-")
    if word not in ("ranking", "symmetric-ranking"):
        return None
    size = min(rows, recipe.micro_batch or (_CACHED if word != recipe.loss else rows))

    def halved() -> nn.Module:
        nonlocal size
        if size <= _LEAST_MICRO_BATCH:
            raise EncoderError(
                "The GPU has too little memory for a single row. Use a smaller encoder, "
                "--rung lora or partial, or a GPU with more memory."
            )
        size //= 2
        return build_loss(
            model, replace(recipe, loss=f"cached-{word}", micro_batch=size), gather=gather
        )

    return halved


def _merged(model: Any) -> dict[str, torch.Tensor]:
    """The layers that LoRA changes, with its change added in, under the plain model's names."""
    from peft.tuners.lora import Linear

    def changed(layer: Any) -> torch.Tensor:
        whole_weight: torch.Tensor = layer.base_layer.weight + layer.get_delta_weight(_ADAPTER)
        return whole_weight.detach()

    return {
        f"{name}.weight": changed(module)
        for name, module in model.named_modules()
        if isinstance(module, Linear)
    }
