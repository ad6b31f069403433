"""Pages as Telnyx numbers them: `page[number]` from 1, and `page[size]`."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import BaseModel

Item = TypeVar("Item")

PageNumber = Annotated[int, Query(alias="page[number]", ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(alias="page[size]", ge=1, le=250)]


class PageMeta(BaseModel):
    """Which page this is, and of how many."""

    page_number: int
    page_size: int
    total_pages: int
    total_results: int


def paged(items: Sequence[Item], number: int, size: int) -> tuple[Sequence[Item], PageMeta]:
    """The items of a page, none past the last, and where it stands."""
    return items[(number - 1) * size : number * size], meta_of(len(items), number, size)


def meta_of(total: int, number: int, size: int) -> PageMeta:
    """Where a page stands among so many results; there is always one page."""
    pages = max(1, -(-total // size))
    return PageMeta(page_number=number, page_size=size, total_pages=pages, total_results=total)
