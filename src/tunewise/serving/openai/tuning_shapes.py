"""Shapes: what is sent and answered about fine-tuning jobs: OpenAI's fields, and ours beside."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

_MOST_PAIRS = 16
_SUFFIX = r"[\w.-]{0,64}"
_FORBID = ConfigDict(extra="forbid", strict=True)

Auto = Literal["auto"]
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
Batch = Auto | Annotated[int, Field(ge=2, le=1_024)]
Rate = Auto | Annotated[float, Field(gt=0, le=100)]


def _spelled(suffix: str) -> str:
    if not re.fullmatch(_SUFFIX, suffix):
        raise PydanticCustomError(
            "suffix", "a suffix has letters, digits, '_', '.' and '-' only, 64 of them at most"
        )
    return suffix


def _none(integrations: list[Any]) -> list[Any]:
    if integrations:
        raise PydanticCustomError("integrations", "there are none here: leave them out")
    return integrations


Suffix = Annotated[
    str,
    AfterValidator(_spelled),
    Field(json_schema_extra={"maxLength": 64, "pattern": f"^{_SUFFIX}$"}),
]
"""Goes into the tuned model's name."""


class Hyperparameters(BaseModel):
    """How to train; auto leaves it to the data and to dev."""

    model_config = _FORBID

    n_epochs: Epochs = "auto"
    batch_size: Batch = "auto"
    learning_rate_multiplier: Rate = "auto"


class Supervised(BaseModel):
    """The one way there is here to learn: from examples."""

    model_config = _FORBID

    hyperparameters: Hyperparameters = Hyperparameters()


class Method(BaseModel):
    """OpenAI's way to say hyperparameters."""

    model_config = _FORBID

    type: Literal["supervised"]
    supervised: Supervised = Supervised()


Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=_MOST_PAIRS),
]


class JobRequest(BaseModel):
    """What is to be tuned on what. `metadata` may name a rung, a budget and what is to be kept."""

    model_config = _FORBID

    model: Annotated[str, Field(min_length=1, max_length=500)]
    training_file: Annotated[str, Field(min_length=1, max_length=100)]
    validation_file: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    suffix: Suffix | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    metadata: Metadata | None = None
    integrations: Annotated[list[Any], AfterValidator(_none)] | None = None

    @model_validator(mode="after")
    def _once(self) -> "JobRequest":
        if self.hyperparameters is not None and self.method is not None:
            raise ValueError("give hyperparameters by themselves or in 'method', not in both")
        return self


class JobError(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    param: str | None = None


class JobObject(BaseModel):
    """A job: OpenAI's fields, and beside them what came of it."""

    id: str
    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    created_at: int
    error: JobError | None
    fine_tuned_model: str | None
    finished_at: int | None
    estimated_finish: int | None = None
    hyperparameters: Hyperparameters
    method: Method
    model: str
    organization_id: str
    result_files: list[str] = []
    seed: int
    status: Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
    trained_tokens: int | None
    training_file: str
    validation_file: str | None
    integrations: list[Any] = []
    metadata: dict[str, str] | None
    result: dict[str, Any] | None


class JobList(BaseModel):
    """Jobs, newest first."""

    object: Literal["list"] = "list"
    data: list[JobObject]
    has_more: bool


class EventObject(BaseModel):
    """Something told while a job went on; of type metrics where `data` measures the model."""

    id: str
    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    created_at: int
    level: str
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any] | None


class EventList(BaseModel):
    """Events, newest first."""

    object: Literal["list"] = "list"
    data: list[EventObject]
    has_more: bool


class Checkpoint(BaseModel):
    """A model of a job that can be asked: the one that was best, and no other."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: dict[str, Any]
    step_number: int


class CheckpointList(BaseModel):
    """Checkpoints."""

    object: Literal["list"] = "list"
    data: list[Checkpoint]
    first_id: str | None
    last_id: str | None
    has_more: Literal[False] = False
