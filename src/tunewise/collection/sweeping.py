"""Sweeping: what was deleted, and what kills left of a collection, taken off the disk.

Who calls these holds the collection's name, so that nobody else makes or writes to a table of it.
"""

from tunewise.collection import about as kept
from tunewise.collection.about import About
from tunewise.collection.filters import one_of
from tunewise.collection.store import Store, Table

_AT_ONCE = 512  # rows deleted together


def sweep_tables(store: Store, name: str, about: About | None) -> None:
    """Drops the tables of a collection that nothing leads to: whoever made or left them was killed.

    None for `about` drops them all.
    """
    used = {each.table for each in kept.generations(about)} if about else set()
    for table in store.tables():
        if kept.is_table(table, name) and table not in used:
            store.drop(table)


def sweep_texts(store: Store, about: About) -> bool:
    """Takes what was replaced or deleted off the disk; True where an index went with it.

    The vectors before the last switch keep theirs.
    """
    sweep_tables(store, about.name, about)
    current = kept.open_table(store, about, about.current)
    if about.coming is not None:  # broken off, or under way
        coming = kept.open_table(store, about, about.coming)
        with store.hold(about.coming.table):
            _delete_others(coming, current)
            coming.compact()
    with store.hold(about.current.table):
        return current.compact()


def _delete_others(table: Table, current: Table) -> None:
    """Deletes the rows that have no like in the current table."""
    texts = dict(zip(*current.texts(), strict=True))
    gone = [id_ for id_, text in zip(*table.texts(), strict=True) if texts.get(id_) != text]
    for begin in range(0, len(gone), _AT_ONCE):
        table.delete(one_of("id", gone[begin : begin + _AT_ONCE]))
