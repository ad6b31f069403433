"""Tuned: what jobs tuned, served by name: loaded when asked for, past the gate, a few at once.

Adapters stand on the encoders that are there already: many share one base in memory.
"""

import asyncio
import json
import re
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from tunewise.encoders import Encoder
from tunewise.errors import AbsentError, TunewiseError
from tunewise.jobs.home import Home
from tunewise.jobs.job import Job
from tunewise.jobs.queue import Queue
from tunewise.jobs.tuning import SEAL
from tunewise.serving.gate import refusal
from tunewise.serving.models import Model, Offer, load_winner
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.threads import Threads

TUNED = "ft:"
"""What the names of tuned models begin with."""

_NAME = re.compile(r"ft:.+:([0-9a-f]{8})")
MOST = 16
"""Tuned models in memory at once; which are not asked for go first."""


@dataclass(frozen=True)
class TunedModel:
    """A model that a job tuned, as it lies in the home; `made` is the job's result."""

    name: str
    job: str
    owner: str
    created: float
    folder: Path
    made: Mapping[str, Any]


class TunedModels:
    """The models that jobs of this home tuned and that were not deleted.

    `stamps` has the stamps of those that were loaded, by name: what makes a model never changes.
    """

    def __init__(self, home: Home, queue: Queue, offer: Offer) -> None:
        self._home, self._queue = home, queue
        self.stamps: dict[str, str] = {}
        self._loaded: OrderedDict[str, Model] = OrderedDict()
        self._turn = asyncio.Lock()
        self._encoders: WeakValueDictionary[str, Encoder] = WeakValueDictionary()
        for model in offer.models.values():
            self._encoders.setdefault(model.encoder.stamp, model.encoder)
        self._threads = Threads("loading", count=1, waiting=64, patience=300)

    def all(self) -> list[TunedModel]:
        """Every one, oldest first."""
        folders = sorted(self._home.models.glob(f"*/{SEAL}"))
        found = [one for path in folders if (one := self._at(path.parent)) is not None]
        return sorted(found, key=lambda one: one.created)

    def find(self, name: str) -> TunedModel:
        """The one of this name. Raises AbsentError where there is none."""
        told = _NAME.fullmatch(name)
        for folder in self._home.models.glob(f"job-{told[1]}*") if told else ():
            found = self._at(folder)
            if found is not None and found.name == name:
                return found
        raise AbsentError(f"The model '{name[:100]}' does not exist here.")

    def within(self, folder: str) -> TunedModel | None:
        """The one that lies in a folder; None if there is none."""
        job = self._job(folder)
        return None if job is None else self._at(self._home.models / job)

    def holds(self, folder: str) -> bool:
        """Whether a model lies in a folder that was not deleted."""
        job = self._job(folder)
        return job is not None and (self._home.models / job / SEAL).is_file()

    def called(self, folder: str) -> str | None:
        """What the model is called that lies in a folder, or lay there; None if none did."""
        job = self._job(folder)
        try:
            made = None if job is None else self._queue.job(job).result
        except AbsentError:
            return None
        return None if made is None else str(made["name"])

    def folder(self, job: Job) -> Path:
        """Where what a job made lies, if it made anything."""
        return self._home.models / job.id

    async def load(self, found: TunedModel) -> Model:
        """The model, ready to be asked.

        Raises Refused where its vectors are not those that were measured, or too many wait.
        """
        if found.name in self._loaded:  # the usual case, which waits for nobody
            self._loaded.move_to_end(found.name)
            return self._loaded[found.name]
        async with self._turn:
            if found.name not in self._loaded:
                model = await self._threads.run(lambda: self._load(found))
                self._loaded[found.name], self.stamps[found.name] = model, model.stamp
                while len(self._loaded) > MOST:
                    self._loaded.popitem(last=False)
            return self._loaded[found.name]

    def delete(self, found: TunedModel) -> None:
        """Removes a model for good. Its job stays, and says what came of it."""
        self._loaded.pop(found.name, None)
        self.stamps.pop(found.name, None)
        (found.folder / SEAL).unlink(missing_ok=True)  # first: what is half removed is not there
        shutil.rmtree(found.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Removes what a killed deletion left; for when no worker is at work."""
        for folder in self._home.models.glob("job-*"):
            if not (folder / SEAL).is_file():
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Ends once nothing is being loaded."""
        self._threads.close()

    def _job(self, folder: str) -> str | None:
        """The job whose model lies, or lay, in a folder; None for a folder elsewhere."""
        place, home = Path(folder), self._home.models.resolve()
        return place.relative_to(home).parts[0] if home in place.parents else None

    def _at(self, folder: Path) -> TunedModel | None:
        try:
            job = self._queue.job(folder.name)
            made = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        except (AbsentError, FileNotFoundError):
            return None
        if job.state != "succeeded":  # cancelled in its last moment
            return None
        created = job.finished or job.created
        return TunedModel(made["name"], job.id, job.owner, created, folder, made)

    def _load(self, found: TunedModel) -> Model:
        try:
            model = load_winner(
                found.name, found.folder / found.made["folder"], encoders=self._encoders
            )
            why = refusal(model)
        except TunewiseError as wrong:
            why = str(wrong).rstrip(".")
        if why is not None:
            raise Refused(
                f"The model '{found.name}' is not served: {why}.",
                Reason(404, "model_not_found", "model"),
            )
        return model
