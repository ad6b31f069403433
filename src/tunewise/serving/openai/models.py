"""GET /v1/models and /v1/models/{id}: what is served; DELETE for what was tuned."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from tunewise.encoders.vectors import Side
from tunewise.errors import AbsentError
from tunewise.serving.access import need, owns
from tunewise.serving.keys import Key
from tunewise.serving.models import Model, Offer
from tunewise.serving.openai.errors import RESPONSES
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.service import Service
from tunewise.serving.tuned import TUNED, TunedModel

router = APIRouter(prefix="/v1", tags=["models"], responses=RESPONSES)

_SIDES: dict[str, Side] = {"query": "queries", "document": "documents"}


class ModelObject(BaseModel):
    """A model, and beside OpenAI's fields what its vectors are.

    `stamp` is None for a tuned model until somebody asks this server for its vectors.
    """

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "tunewise"
    stamp: str | None
    dimension: int
    dimensions: list[int]
    max_tokens: int | None


class Deleted(BaseModel):
    """What was deleted."""

    id: str
    object: str
    deleted: Literal[True] = True


class ModelList(BaseModel):
    """The models served."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


@router.get("/models")
async def list_models(
    request: Request, key: Annotated[Key | None, Depends(need("embed"))]
) -> ModelList:
    """The models that are served, in the order in which they were named; then the caller's own."""
    service: Service = request.app.state.service
    stamps = {} if service.home is None else service.tuned_models.stamps
    own = [_told_tuned(each, stamps.get(each.name)) for each in await _own(service, key)]
    return ModelList(data=[*(_told(model) for model in service.offer.models.values()), *own])


@router.get("/models/{model:path}")
async def retrieve_model(
    request: Request, model: str, key: Annotated[Key | None, Depends(need("embed"))]
) -> ModelObject:
    """One model."""
    service: Service = request.app.state.service
    if (tuned := await _tuned(service, model, key)) is not None:
        return _told_tuned(tuned, service.tuned_models.stamps.get(tuned.name))
    return _told((await _named(service, model, key))[0])


@router.delete("/models/{model:path}")
async def delete_model(
    request: Request, model: str, key: Annotated[Key | None, Depends(need("tune"))]
) -> Deleted:
    """Deletes a model that a job tuned. What the server was started with stays."""
    service: Service = request.app.state.service
    tuned = await _tuned(service, model, key)
    if tuned is None:
        await _named(service, model, key)
        raise Refused(
            f"The model '{model[:100]}' was not tuned here; who runs this server decides on it.",
            Reason(403, "not_deletable", "model"),
        )
    await service.disk.run(lambda: service.tuned_models.delete(tuned))
    return Deleted(id=model, object="model")


async def asked_model(service: Service, word: str, key: Key | None) -> tuple[Model, Side | None]:
    """The model that a word names, as `named`; or one that a job of the caller's tuned.

    The first to ask for a tuned model waits until it is loaded and was held against what was
    measured. Raises Refused as `named` does.
    """
    if word not in service.offer.models:
        name, _, side = word.rpartition(":")
        for each, at in ((word, None), (name, _SIDES.get(side))):
            tuned = await _tuned(service, each, key)
            if tuned is not None and (each == word or at is not None):
                return await service.tuned_models.load(tuned), at
    return await _named(service, word, key)


async def _named(service: Service, word: str, key: Key | None) -> tuple[Model, Side | None]:
    """As `named`; the caller's tuned models are among those that a refusal lists."""
    if word in service.offer.models or word.rpartition(":")[0] in service.offer.models:
        return named(service.offer, word)
    return named(service.offer, word, besides=[each.name for each in await _own(service, key)])


async def _own(service: Service, key: Key | None) -> list[TunedModel]:
    """The caller's tuned models, oldest first."""
    every = [] if service.home is None else await service.disk.run(service.tuned_models.all)
    return [each for each in every if owns(key, each.owner)]


async def _tuned(service: Service, name: str, key: Key | None) -> TunedModel | None:
    """A tuned model of the caller's; None where there is none of this name."""
    if service.home is None or not name.startswith(TUNED):
        return None
    try:
        found = await service.disk.run(lambda: service.tuned_models.find(name))
    except AbsentError:
        return None
    return found if owns(key, found.owner) else None


def named(offer: Offer, word: str, *, besides: Sequence[str] = ()) -> tuple[Model, Side | None]:
    """The model that a word names, and the side that stands after its last colon, if any.

    Raises Refused where none is served by that name; `besides` are served too.
    """
    if word in offer.models:
        return offer.models[word], None
    name, _, side = word.rpartition(":")
    if name in offer.models and side in _SIDES:
        return offer.models[name], _SIDES[side]
    why = offer.refused.get(word)
    raise Refused(
        f"The model '{word[:100]}' is not served: {why}."
        if why
        else f"The model '{word[:100]}' does not exist here. There are: "
        f"{', '.join([*offer.models, *besides])}.",
        Reason(404, "model_not_found", "model"),
    )


def _told(model: Model) -> ModelObject:
    return ModelObject(
        id=model.name,
        created=model.created,
        stamp=model.stamp,
        dimension=model.encoder.dimension,
        dimensions=[*dict.fromkeys([model.encoder.dimension, *model.prefixes])],
        max_tokens=model.encoder.max_tokens,
    )


def _told_tuned(found: TunedModel, stamp: str | None) -> ModelObject:
    size: int = found.made["dimension"]
    return ModelObject(
        id=found.name,
        created=int(found.created),
        owned_by=found.owner or "tunewise",
        stamp=stamp,
        dimension=size,
        dimensions=[size],
        max_tokens=found.made["max_tokens"],
    )
