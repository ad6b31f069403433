"""Verifying: whether a collection's rows are still what was written, checked by their checksums.

A store that lost the end of a file says so itself; a bit that changed on disk it hands out as if
it had been written. Texts are checked whenever they are read, vectors only here: a search compares
them inside the store.
"""

from tunewise.collection import about as kept
from tunewise.collection.chunks import is_whole
from tunewise.collection.collection import Collection
from tunewise.collection.filters import one_of
from tunewise.progress import Progress, silent

_AT_ONCE = 1_000  # rows read together


def verify(collection: Collection, *, progress: Progress = silent) -> list[str]:
    """The documents of which a chunk is not what was written, by id: its text, vector or fields.

    Rows are read while others write. Raises StoreError where the store cannot read them at all.

    >>> verify(Collection.open(open_store("collections"), "faq"))  # doctest: +SKIP
    []
    """
    about = collection.about()
    table = kept.open_table(collection.store, about, about.current)
    precision = about.current.stamp.precision
    ids, damaged = table.ids(), set[str]()
    for begin in range(0, len(ids), _AT_ONCE):
        progress("checking chunks", begin, len(ids))
        some = table.rows(one_of("id", ids[begin : begin + _AT_ONCE]), vectors=True)
        for row in some:
            if not is_whole(row, about.fields, precision):
                # the name may be what is damaged: a chunk's id is its document's with a number
                damaged |= {row.document, row.id.rpartition("#")[0] or row.document}
    progress("checking chunks", len(ids), len(ids))
    return sorted(damaged)
