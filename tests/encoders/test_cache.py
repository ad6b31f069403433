"""Vectors on disk: each text is encoded once, and what was damaged is noticed."""

import json
import logging
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from stand_ins import StandIn, vector

from tunewise.encoders import vectors as vectors_module
from tunewise.encoders.cache import RECORD, Spent, Unkept, VectorCache, cache_folder, check_sums
from tunewise.encoders.endpoint import EndpointEncoder
from tunewise.encoders.texts import distinct, keys_of
from tunewise.encoders.vectors import room
from tunewise.errors import OutputError

TEXTS = [f"text {number}" for number in range(40)]


def rows(texts: list[str]) -> np.ndarray:
    return np.array([vector(text) for text in texts], dtype=np.float32)


def keep(folder: Path, texts: list[str]) -> VectorCache:
    cache = VectorCache(folder, encoder="test")
    cache.append(keys_of(texts), rows(texts), Spent(len(texts), 2.0, 7))
    return cache


def found(folder: Path, texts: list[str]) -> list[bool]:
    return (VectorCache(folder, encoder="test").find(keys_of(texts)) >= 0).tolist()


def test_each_distinct_text_is_encoded_once_ever(stand_in: StandIn, tmp_path: Path) -> None:
    encoder = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    first = encoder.encode_documents(["a", "b", "a", "c", "b"])
    assert stand_in.texts == ["a", "b", "c"]
    assert np.array_equal(first[[0, 1]], first[[2, 4]])
    again = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    assert np.array_equal(again.encode_documents(["c", "a", "d", "a"])[[0, 1]], first[[3, 0]])
    assert stand_in.texts == ["a", "b", "c", "d"]


def test_without_a_cache_distinct_texts_are_encoded_once_a_call(stand_in: StandIn) -> None:
    encoder = EndpointEncoder("m", base_url=stand_in.url)
    encoder.encode_documents(["a", "a"])
    encoder.encode_documents(["a"])
    assert stand_in.texts == ["a", "a"]
    assert encoder.spent("documents").texts == 2


def test_sides_and_encoders_are_kept_apart(stand_in: StandIn, tmp_path: Path) -> None:
    for model in ("m", "n"):
        encoder = EndpointEncoder(model, base_url=stand_in.url, cache=tmp_path)
        encoder.encode_documents(["a"])
        encoder.encode_queries(["a"])
    assert stand_in.texts == ["a"] * 4
    assert len(list((tmp_path / "vectors").iterdir())) == 4


def test_no_text_is_ever_written(stand_in: StandIn, tmp_path: Path) -> None:
    EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path).encode_queries(["confidential"])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert not any(b"confidential" in path.read_bytes() for path in files)


def test_what_was_encoded_before_an_error_is_kept(stand_in: StandIn, tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(5000)]

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    encoder = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        encoder.encode_documents(texts, progress=interrupt)
    assert len(stand_in.texts) == 2048
    vectors = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path).encode_documents(texts)
    assert sorted(stand_in.texts) == sorted(texts)
    assert vectors[::500] == pytest.approx(rows(texts[::500]), abs=1e-6)


def test_a_killed_write_leaves_only_whole_groups(tmp_path: Path) -> None:
    keep(tmp_path, TEXTS[:10])
    keep(tmp_path, TEXTS[10:15])
    for cut in (3, RECORD.itemsize + 5):  # within a record, then within the group
        keys = tmp_path / "keys"
        keys.write_bytes(keys.read_bytes()[:-cut])
        assert found(tmp_path, TEXTS[:15]) == [True] * 10 + [False] * 5
        assert (tmp_path / "vectors.f32").stat().st_size == 10 * 6 * 4
        keep(tmp_path, TEXTS[10:15])
        assert all(found(tmp_path, TEXTS[:15]))


def test_rows_without_records_are_cut_off(tmp_path: Path) -> None:
    keep(tmp_path, TEXTS[:4])
    with (tmp_path / "vectors.f32").open("ab") as file:
        file.write(b"half a row")
    cache = keep(tmp_path, TEXTS[4:6])
    out = np.zeros((6, 6), dtype=np.float32)
    assert cache.read(cache.find(keys_of(TEXTS[:6])), out, np.arange(6)).all()
    assert np.array_equal(out, rows(TEXTS[:6]))


def test_rows_are_read_while_another_process_adds_some(tmp_path: Path) -> None:
    cache = keep(tmp_path, TEXTS[:2])
    places = cache.find(keys_of(TEXTS[:2]))
    with (tmp_path / "vectors.f32").open("ab") as file:
        file.write(b"half a row")  # as may lie there for a moment
    out = np.zeros((2, 6), dtype=np.float32)
    assert cache.read(places, out, np.arange(2)).all()
    assert np.array_equal(out, rows(TEXTS[:2]))


def test_records_without_rows_are_cut_off(tmp_path: Path) -> None:
    keep(tmp_path, TEXTS[:4])
    keep(tmp_path, TEXTS[4:6])
    stored = tmp_path / "vectors.f32"
    stored.write_bytes(stored.read_bytes()[:-1])
    assert found(tmp_path, TEXTS[:6]) == [True] * 4 + [False] * 2


@pytest.mark.parametrize("damage", [b"\x00" * 24, np.full(6, np.nan, "<f4").tobytes()])
def test_a_damaged_vector_is_noticed_and_encoded_anew(
    stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    encoder = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    good = encoder.encode_documents(TEXTS)
    stored = next(tmp_path.glob("vectors/*/vectors.f32"))
    content = stored.read_bytes()
    stored.write_bytes(content[:48] + damage + content[72:])
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(encoder.encode_documents(TEXTS), good)
    assert "1 vectors kept" in caplog.text
    assert stand_in.texts == [*TEXTS, TEXTS[2]]
    assert np.array_equal(encoder.encode_documents(TEXTS), good)
    assert len(stand_in.seen) == 2


def test_swapped_vectors_are_noticed(stand_in: StandIn, tmp_path: Path) -> None:
    encoder = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    good = encoder.encode_documents(TEXTS)
    stored = next(tmp_path.glob("vectors/*/vectors.f32"))
    np.ascontiguousarray(good[::-1]).tofile(stored)
    assert np.array_equal(encoder.encode_documents(TEXTS), good)
    assert len(stand_in.texts) == 80


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 99, "dimension": 6}', ""])
def test_a_cache_that_cannot_be_understood_is_made_anew(
    stand_in: StandIn, tmp_path: Path, content: str
) -> None:
    encoder = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    good = encoder.encode_documents(TEXTS)
    next(tmp_path.glob("vectors/*/meta.json")).write_text(content)
    again = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    assert np.array_equal(again.encode_documents(TEXTS), good)
    assert len(stand_in.texts) == 80


def test_facts_that_cannot_be_understood_are_found_again(stand_in: StandIn, tmp_path: Path) -> None:
    EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path).encode_documents(["a"])
    next(tmp_path.glob("models/*.json")).write_text("nonsense")
    assert EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path).dimension == 6


def test_meta_says_who_made_the_vectors_and_what_they_took(tmp_path: Path) -> None:
    cache = keep(tmp_path, TEXTS[:4])
    assert json.loads((tmp_path / "meta.json").read_text()) == {
        "format": 1,
        "encoder": "test",
        "dimension": 6,
        "spent": {"texts": 4, "seconds": 2.0, "tokens": 7},
    }
    assert cache.spent.seconds_per_text == 0.5
    assert VectorCache(tmp_path / "new", encoder="test").spent == Spent()
    assert not (tmp_path / "new").exists()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from tunewise.encoders.cache import Spent, VectorCache
from tunewise.encoders.texts import keys_of
cache = VectorCache(Path(sys.argv[1]), encoder="test")
for number in range(30):
    texts = [f"{sys.argv[2]} {number} {each}" for each in range(5)]
    vectors = np.full((5, 6), number + int(sys.argv[2]), dtype=np.float32)
    cache.append(keys_of(texts), vectors, Spent(5, 1.0))
"""


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(100 * number)])
        for number in range(2)
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    cache = VectorCache(tmp_path, encoder="test")
    texts = [f"{100 * w} {n} {each}" for w in range(2) for n in range(30) for each in range(5)]
    out = np.zeros((300, 6), dtype=np.float32)
    assert cache.read(cache.find(keys_of(texts)), out, np.arange(300)).all()
    assert out[:, 0].tolist() == [
        100 * w + n for w in range(2) for n in range(30) for _ in range(5)
    ]
    assert cache.spent == Spent(300, 60.0)


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """The system refuses to let files grow, as it does when a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    cache = keep(tmp_path, TEXTS[:10])
    with files_no_longer_than(600), pytest.raises(OutputError, match="TUNEWISE_CACHE"):
        cache.append(keys_of(TEXTS[10:]), rows(TEXTS[10:]), Spent(30))
    assert found(tmp_path, TEXTS) == [True] * 10 + [False] * 30
    keep(tmp_path, TEXTS[10:])
    assert all(found(tmp_path, TEXTS))


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_encoded(
    stand_in: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    encoder = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path / "file")
    with pytest.raises(OutputError, match="set TUNEWISE_CACHE to another folder"):
        encoder.encode_documents(["a"])
    assert stand_in.seen == []


def test_the_folder_is_the_users_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder(tmp_path) == tmp_path
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv("TUNEWISE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / "tunewise"


def test_a_large_result_lies_in_a_file_without_a_name(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors_module, "_IN_MEMORY", 100)
    encoder = EndpointEncoder("m", base_url=stand_in.url, cache=tmp_path)
    texts = ["a", "b", "a", "c", "d", "e"]
    for _ in range(2):  # produced, then read
        vectors = encoder.encode_documents(texts)
        assert isinstance(vectors, np.memmap)
        assert vectors == pytest.approx(rows(texts), abs=1e-6)
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert names <= {"vectors.f32", "keys", "meta.json", "lock"} | {
        path.name for path in tmp_path.glob("models/*")
    }


def test_a_result_too_large_for_the_disk_is_refused(tmp_path: Path) -> None:
    with (
        files_no_longer_than(10**6),
        pytest.raises(OutputError, match="no room for 1,000,000 vectors"),
    ):
        room(1_000_000, 100, tmp_path)


def test_check_sums_change_with_any_value_and_place() -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    changed = vectors.copy()
    changed[1, 3] = np.nextafter(changed[1, 3], np.float32(9))
    assert (check_sums(vectors) == check_sums(changed)).tolist() == [True, False, True]
    assert check_sums(vectors[:, ::-1].copy())[0] != check_sums(vectors)[0]
    assert check_sums(np.zeros((1, 8), dtype=np.float32))[0] != 0


def test_keys_tell_texts_apart_and_half_a_surrogate_is_a_text() -> None:
    keys = keys_of(["a", "b", "a", "\ud800", "", "?"])
    first, which = distinct(keys)
    assert first.tolist() == [0, 1, 3, 4, 5]
    assert which.tolist() == [0, 1, 0, 2, 3, 4]


def test_without_a_cache_nothing_is_found() -> None:
    store = Unkept()
    store.append(keys_of(["a"]), rows(["a"]), Spent(1, 0.5))
    assert store.find(keys_of(["a"])).tolist() == [-1]
    assert store.spent.seconds_per_text == 0.5


@pytest.mark.slow
def test_a_million_keys_are_looked_up_in_bulk(tmp_path: Path) -> None:
    keys = np.random.default_rng(0).bytes(16 * 1_000_000)
    many = np.frombuffer(keys, dtype="S16")
    cache = VectorCache(tmp_path, encoder="test")
    cache.append(many, np.ones((len(many), 1), dtype=np.float32), Spent(len(many)))
    asked = many[::-1]
    assert np.array_equal(cache.find(asked), np.arange(len(many))[::-1])
