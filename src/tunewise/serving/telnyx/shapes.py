"""What Telnyx's clients send and read of AI collections."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tunewise.serving.shelves import Retrieval
from tunewise.serving.telnyx.paging import PageMeta

MOST = 100
"""Sources of one collection."""

SourceType = Literal["voice", "meeting_bot", "message", "bucket"]

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Text = Annotated[str, Field(max_length=2_000)]
_Slug = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]
_ASKED = ConfigDict(extra="forbid", strict=True)


class SourceRequest(BaseModel):
    """A bucket. The other types are of Telnyx's telephony, and not here."""

    model_config = _ASKED

    source_type: SourceType
    bucket_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class RetrievalRequest(BaseModel):
    """How the collection is searched, and how many chunks are found."""

    model_config = _ASKED

    retrieval_type: Retrieval | None = None
    top_k: Annotated[int, Field(ge=1, le=50)] | None = None


class SettingsRequest(BaseModel):
    """Retrieval settings, as Telnyx wraps them."""

    model_config = _ASKED

    retrieval: RetrievalRequest | None = None


class CreateRequest(BaseModel):
    """A name, and all else as may be."""

    model_config = _ASKED

    name: _Name
    slug: _Slug | None = None
    description: _Text | None = None
    settings: SettingsRequest | None = None
    sources: Annotated[list[SourceRequest], Field(max_length=MOST)] = []


class UpdateRequest(BaseModel):
    """What is to be changed."""

    model_config = _ASKED

    name: _Name | None = None
    description: _Text | None = None


class ReplaceRequest(BaseModel):
    """All sources, in the place of those there are."""

    model_config = _ASKED

    sources: Annotated[list[SourceRequest], Field(max_length=MOST)]


class Source(BaseModel):
    """A bucket of a collection."""

    id: str
    bucket_id: str
    collection_id: str
    record_type: Literal["ai_collection_source"] = "ai_collection_source"
    source_type: Literal["bucket"] = "bucket"
    status: str


class RetrievalSettings(BaseModel):
    """How a collection is searched."""

    retrieval_type: Retrieval
    top_k: int


class SettingsObject(BaseModel):
    """Settings, as Telnyx wraps them."""

    record_type: Literal["ai_collection_settings"] = "ai_collection_settings"
    retrieval: RetrievalSettings


class CollectionObject(BaseModel):
    """A collection of Telnyx's: buckets that are searched together."""

    uuid: str
    name: str
    slug: str
    description: str | None
    status: Literal["active"] = "active"
    record_type: Literal["ai_collection"] = "ai_collection"
    settings: SettingsObject
    sources: list[Source]
    created_at: str
    updated_at: str


class CollectionContent(BaseModel):
    """One collection."""

    data: CollectionObject


class CollectionList(BaseModel):
    """Collections, newest first."""

    data: list[CollectionObject]
    meta: PageMeta


class SettingsContent(BaseModel):
    """A collection's settings."""

    data: SettingsObject


class SourceContent(BaseModel):
    """One source."""

    data: Source


class SourceList(BaseModel):
    """A collection's sources."""

    data: list[Source]


class Changed(BaseModel):
    """Ids of sources, by what became of them."""

    added: list[str]
    retained: list[str]
    removed: list[str]


class ReplacedSources(BaseModel):
    """A collection's sources, and what has changed."""

    data: list[Source]
    meta: Changed
