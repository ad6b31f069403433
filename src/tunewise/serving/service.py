"""Service: what the routes share: the models, the batches, who may ask, and what is counted."""

from dataclasses import dataclass, field
from functools import cached_property

from tunewise.encoders import TransformerEncoder, cache_folder
from tunewise.encoders.engines.devices import gpus
from tunewise.encoders.threads import cores
from tunewise.encoders.vectors import Side
from tunewise.serving.access import Access
from tunewise.serving.batching import Batcher, Limits
from tunewise.serving.models import Model, Offer
from tunewise.serving.observed import Meters
from tunewise.serving.recent import KeptVectors, Vectors


@dataclass
class Service:
    """All that a running server has; one an app."""

    offer: Offer
    access: Access
    limits: Limits
    meters: Meters = field(default_factory=Meters)
    _batchers: dict[str, Batcher] = field(default_factory=dict)

    async def vectors(
        self, model: Model, side: Side, texts: list[str], tokens: list[int]
    ) -> Vectors:
        """The encoder's vectors of texts, batched with those of other callers."""
        most = model.encoder.max_tokens
        read = tokens if most is None else [min(count, most) for count in tokens]
        return await self._batcher(model).vectors(model.encoder, side, texts, read)

    async def close(self) -> None:
        """Ends when all that was asked is encoded."""
        for batcher in self._batchers.values():
            await batcher.close()

    def _batcher(self, model: Model) -> Batcher:
        # What is computed here takes turns, for the cores are the same; an endpoint that does not
        # answer holds up nobody but those who ask for it.
        name = model.encoder.name
        here = isinstance(model.encoder, TransformerEncoder)
        place = "here" if here else name
        if place not in self._batchers:
            self._batchers[place] = Batcher(
                self.limits,
                self.meters,
                self._kept.vectors,
                cores=cores() if here and not gpus() else 1,
            )
        return self._batchers[place]

    @cached_property
    def _kept(self) -> KeptVectors:
        return KeptVectors(cache_folder())
