"""GET /v1/models and /v1/models/{id}: what is served."""

from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from tunewise.encoders.vectors import Side
from tunewise.serving.access import need
from tunewise.serving.models import Model, Offer
from tunewise.serving.openai.errors import RESPONSES
from tunewise.serving.refused import Reason, Refused

router = APIRouter(prefix="/v1", tags=["models"], responses=RESPONSES)

_SIDES: dict[str, Side] = {"query": "queries", "document": "documents"}


class ModelObject(BaseModel):
    """A model, and beside OpenAI's fields what its vectors are."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "tunewise"
    stamp: str
    dimension: int
    dimensions: list[int]
    max_tokens: int | None


class ModelList(BaseModel):
    """The models served."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


@router.get("/models", dependencies=[Depends(need("embed"))])
async def list_models(request: Request) -> ModelList:
    """The models that are served, in the order in which they were named."""
    offer: Offer = request.app.state.service.offer
    return ModelList(data=[_told(model) for model in offer.models.values()])


@router.get("/models/{model:path}", dependencies=[Depends(need("embed"))])
async def retrieve_model(request: Request, model: str) -> ModelObject:
    """One model."""
    return _told(named(request.app.state.service.offer, model)[0])


def named(offer: Offer, word: str) -> tuple[Model, Side | None]:
    """The model that a word names, and the side that stands after its last colon, if any.

    Raises Refused where none is served by that name.
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
        else f"The model '{word[:100]}' does not exist here. There are: {', '.join(offer.models)}.",
        Reason(404, "model_not_found", "model"),
    )


def _told(model: Model) -> ModelObject:
    return ModelObject(
        id=model.name,
        created=model.created,
        stamp=model.encoder.stamp,
        dimension=model.encoder.dimension,
        dimensions=[*dict.fromkeys([model.encoder.dimension, *model.prefixes])],
        max_tokens=model.encoder.max_tokens,
    )
