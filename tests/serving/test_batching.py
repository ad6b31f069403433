"""Batches across callers: who waits for what, in which order, and what is never done twice."""

import asyncio
import gc
import threading
import time
from weakref import WeakSet

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import Waits, running

from tunewise import load_encoder
from tunewise.encoders.cache import Spent, stores
from tunewise.encoders.texts import keys_of
from tunewise.serving.batching import Batcher, Limits
from tunewise.serving.models import Model
from tunewise.serving.observed import Meters
from tunewise.serving.recent import KeptVectors, Recent, encode
from tunewise.serving.refused import Refused


def driven(story, encoder, *, cores=1, padded=None, kept=encode, **limits):
    """Runs a story with a batcher, which is closed afterwards. Nothing may be left waiting."""

    async def whole():
        batcher = Batcher(Limits(**limits), Meters(), kept, cores=cores, padded=padded)

        def ask(*texts):
            counts = [len(text.split()) for text in texts]
            return asyncio.create_task(batcher.vectors(encoder, "queries", texts, counts))

        try:
            await asyncio.wait_for(story(batcher, ask), 30)
        finally:
            encoder.let.release(10_000)  # each costs a step, a million of them a quarter second
            await asyncio.wait_for(batcher.close(), 30)
        assert batcher.waiting == 0

    asyncio.run(whole())


async def begun(encoder):
    """Waits until the encoder has been called once more."""
    assert await asyncio.to_thread(encoder.begun.acquire, timeout=10)


def test_what_comes_while_a_batch_is_encoded_is_the_next_batch():
    encoder = Waits(let=False)

    async def story(_, ask):
        asked = [ask("first")]
        await begun(encoder)
        asked += [ask(f"caller {n}") for n in range(5)]
        await asyncio.sleep(0)
        encoder.let.release(2)
        await asyncio.gather(*asked)

    driven(story, encoder)
    assert encoder.asked == [["first"], [f"caller {n}" for n in range(5)]]


def test_a_batch_holds_no_more_tokens_than_its_budget_but_for_one_text():
    encoder = Waits(let=False)

    async def story(_, ask):
        asked = [ask("first")]
        await begun(encoder)
        asked += [ask("a b c", "d e f", "g h i", "j k l m n o p")]
        await asyncio.sleep(0)
        encoder.let.release(10)
        await asyncio.gather(*asked)

    driven(story, encoder, batch=6)
    assert encoder.asked[1:] == [["a b c", "d e f"], ["g h i", "j k l m n o p"]]


def test_a_short_query_does_not_wait_for_a_request_of_many_texts():
    encoder = Waits(let=False)

    async def story(_, ask):
        many = ask(*(f"{n} of many" for n in range(1_000)))
        await begun(encoder)
        one = ask("short")
        await asyncio.sleep(0)
        encoder.let.release(2)
        await one
        assert not many.done()
        encoder.let.release(1_000)
        await many

    driven(story, encoder, batch=30)
    assert "short" in encoder.asked[1]


def test_a_text_in_flight_is_encoded_once_for_all_who_want_it():
    encoder = Waits(let=False)

    async def story(_, ask):
        asked = [ask("same", "same"), ask("same")]
        await begun(encoder)
        asked += [ask("same", "other")]
        await asyncio.sleep(0)
        encoder.let.release(2)
        found = await asyncio.gather(*asked)
        assert [len(each) for each in found] == [2, 1, 2]
        assert np.array_equal(found[0][1], found[1][0])

    driven(story, encoder)
    assert sorted(text for batch in encoder.asked for text in batch) == ["other", "same"]


def test_a_text_asked_for_again_is_at_hand_and_another_side_is_not():
    encoder = Waits()

    async def story(batcher, ask):
        first, again = await ask("text"), await ask("text")
        assert np.array_equal(first, again)
        await batcher.vectors(encoder, "documents", ["text"], [1])

    driven(story, encoder)
    assert encoder.asked == [["text"], ["text"]]


def test_past_its_bound_the_queue_takes_nothing_in_and_says_when_to_come_again():
    encoder = Waits(let=False)

    async def story(batcher, ask):
        taken = [ask("one two"), ask("three four")]
        await begun(encoder)
        with pytest.raises(Refused) as caught:
            await ask("five six")
        assert caught.value.reason.status == 503
        assert int(caught.value.reason.headers["Retry-After"]) >= 1
        assert batcher.waiting == 4
        encoder.let.release(2)
        await asyncio.gather(*taken)
        encoder.let.release(1)
        assert (await ask("five six")).shape == (1, 4)

    driven(story, encoder, waiting=5)


def test_one_request_larger_than_the_bound_is_taken_in_when_nothing_waits():
    async def story(_, ask):
        assert (await ask("one two three four")).shape == (1, 4)

    driven(story, Waits(), waiting=2)


def test_who_leaves_gives_the_place_up_but_not_what_others_wait_for():
    encoder = Waits(let=False)

    async def story(batcher, ask):
        first = ask("first")
        await begun(encoder)
        leaving, staying = ask("mine", "ours"), ask("ours")
        await asyncio.sleep(0)
        assert batcher.waiting == 3
        leaving.cancel()
        await asyncio.wait([leaving])
        assert batcher.waiting == 2
        encoder.let.release(2)
        await asyncio.gather(first, staying)

    driven(story, encoder)
    assert encoder.asked == [["first"], ["ours"]]


def test_patience_ends_with_503_and_nothing_left_behind():
    encoder = Waits(let=False)

    async def story(_, ask):
        first = ask("first")
        await begun(encoder)
        with pytest.raises(Refused, match="not there after") as caught:
            await ask("second")
        assert caught.value.reason.status == 503
        encoder.let.release(1)
        with pytest.raises(Refused):  # it had waited as long
            await first

    driven(story, encoder, patience=0.5)
    assert encoder.asked == [["first"]]


def test_a_text_that_cannot_be_encoded_fails_only_who_asked_for_it():
    encoder = Waits(let=False)

    async def story(_, ask):
        first = ask("first")
        await begun(encoder)
        good = [ask(f"good {n}") for n in range(20)]
        bad = ask("fine", "NaN")
        encoder.let.release(100)
        assert all(len(each) == 1 for each in await asyncio.gather(first, *good))
        with pytest.raises(Refused, match="no vector that can be used"):
            await bad

    driven(story, encoder)


def test_an_encoder_that_always_fails_is_not_asked_for_each_text():
    encoder = Waits()

    async def story(_, ask):
        asked = [ask(*(f"NaN {n} {caller}" for n in range(50))) for caller in range(10)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, Refused) for each in done)

    driven(story, encoder)
    assert len(encoder.asked) < 30


def test_a_core_takes_texts_of_like_lengths_around_the_first_and_no_more_than_it_may():
    encoder = Waits(let=False)

    async def story(_, ask):
        asked = [ask("first")]
        await begun(encoder)
        asked += [ask(" ".join([f"{n}"] * size)) for n, size in enumerate((5, 1, 4, 2, 9, 2, 30))]
        await asyncio.sleep(0)
        encoder.let.release(10)
        await asyncio.gather(*asked)

    driven(story, encoder, padded=10)
    sizes = [[len(text.split()) for text in batch] for batch in encoder.asked[1:]]
    assert sizes == [[4, 5], [1, 2, 2], [9], [30]]  # padded: 10, 6, 9, and one alone


def test_cores_encode_at_once_and_share_what_waits():
    encoder = Waits(let=False)

    async def story(_, ask):
        asked = [ask("one " * 300), ask("two " * 300)]
        await begun(encoder)
        await begun(encoder)  # and neither has been let through
        asked += [ask(*(f"{n} " * 100 for n in range(8)))]
        await asyncio.sleep(0)
        encoder.let.release(10)
        await asyncio.gather(*asked)

    driven(story, encoder, cores=2, padded=100_000)
    assert len(encoder.asked) > 3


def test_sides_take_turns_a_batch_each():
    encoder = Waits(let=False)

    async def story(batcher, ask):
        many = ask(*(f"{n} of many" for n in range(1_000)))
        await begun(encoder)
        other = asyncio.create_task(batcher.vectors(encoder, "documents", ["other"], [1]))
        await asyncio.sleep(0)
        encoder.let.release(3)
        await other
        assert not many.done()
        encoder.let.release(1_000)
        await many

    driven(story, encoder, padded=30)
    assert ["other"] in encoder.asked[1:3]


def test_who_leaves_while_others_that_came_as_early_are_encoded_is_passed_over():
    encoder = Waits(let=False)

    async def story(batcher, ask):
        first = ask("first")
        await begun(encoder)
        short, leaving, long = ask("a b"), ask("c d e"), ask("f g h i")
        await asyncio.sleep(0)
        encoder.let.release(1)
        await begun(encoder)  # the batch of who came first
        leaving.cancel()
        await asyncio.wait([leaving])
        assert batcher.waiting == 6
        encoder.let.release(5)
        await asyncio.gather(first, short, long)

    driven(story, encoder, padded=4)
    assert encoder.asked == [["first"], ["a b"], ["f g h i"]]


def test_those_who_leave_leave_no_text_behind():
    class Text(str):
        """A text that can be looked for."""

    encoder, there = Waits(let=False), WeakSet()

    async def story(_, ask):
        first = ask("first")
        await begun(encoder)
        for caller in range(30):
            texts = [Text(f"{caller} of {n}") for n in range(100)]
            there.update(texts)
            leaving = ask(*texts)
            del texts
            await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.wait([leaving])
            del leaving
        gc.collect()
        assert len(there) <= 1_100  # of 3,000
        encoder.let.release(1)
        await first

    driven(story, encoder)


@pytest.mark.parametrize("end", [StopIteration, SystemExit, asyncio.CancelledError, None])
def test_an_encoder_that_ends_oddly_fails_its_callers_and_nobody_else(end):
    def kept(encoder, side, texts):
        if "bad" not in texts:
            return encode(encoder, side, texts)
        if end is None:
            return np.zeros((0, 4), dtype=np.float32)
        raise end

    async def story(_, ask):
        for _ in range(2):
            with pytest.raises(Refused, match="no vector that can be used"):
                await ask("bad")
        assert (await ask("good")).shape == (1, 4)

    driven(story, Waits(), kept=kept)


def test_closing_waits_for_what_was_asked():
    encoder = Waits(let=False)

    async def story(batcher, ask):
        asked = ask("first")
        await begun(encoder)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0.02)
        assert not closing.done()
        encoder.let.release(1)
        await asyncio.gather(closing, asked)

    driven(story, encoder)


def test_no_more_vectors_are_at_hand_than_fit():
    recent = Recent(1_000)
    for n in range(10):
        recent.keep(n, np.full(16, n, dtype=np.float32))  # 64 bytes, and 200 of Python's
    assert [n for n in range(10) if recent.get(n) is not None] == [7, 8, 9]
    assert recent.get(8).tolist() == [8.0] * 16


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.sampled_from([4, 16])), max_size=400),
    st.sampled_from([0, 300, 1_000, 40_000]),
)
def test_what_is_at_hand_is_what_was_kept_and_fits(steps, size):
    recent, kept = Recent(size), {}
    for keeping, key, numbers in steps:
        row = recent.get(key)
        assert row is None or row.tolist() == kept[key]
        if keeping and row is None:
            kept[key] = [float(key)] * numbers
            recent.keep(key, np.full(numbers, key, dtype=np.float32))
            if size >= 1_000:
                assert recent.get(key) is not None
    there = [row for key in kept if (row := recent.get(key)) is not None]
    assert sum(row.nbytes + 200 for row in there) <= size


def test_a_vector_asked_for_again_and_again_stays_while_others_come_and_go():
    recent = Recent(300_000)
    wanted = np.full(16, 7, dtype=np.float32)
    recent.keep("wanted", wanted)
    for n in range(20_000):
        recent.keep(n, np.full(16, n, dtype=np.float32))
        if n % 100 == 0:
            assert recent.get("wanted").tolist() == wanted.tolist()
    assert recent.get(19_999) is not None
    assert recent.get(100) is None
    there = sum(recent.get(n) is not None for n in range(20_000))
    assert 0.9 * 300_000 / 264 < there <= 300_000 / 264


def test_others_are_answered_while_a_batch_is_encoded():
    encoder = Waits(let=False)
    with running(Model("slow", encoder)) as url:
        asked = {"model": "slow", "input": "text"}
        thread = threading.Thread(
            target=lambda: httpx.post(f"{url}/v1/embeddings", json=asked, timeout=30)
        )
        thread.start()
        assert encoder.begun.acquire(timeout=10)
        # the batch goes on until it is let through, and fails after more than so long
        assert httpx.get(f"{url}/healthz", timeout=8).status_code == 200
        encoder.let.release(1)
        thread.join()


def test_a_client_that_hangs_up_gives_its_place_up():
    encoder = Waits(let=False)
    with running(Model("slow", encoder)) as url:
        ask = f"{url}/v1/embeddings"
        first = threading.Thread(
            target=lambda: httpx.post(ask, json={"model": "slow", "input": "first"}, timeout=30)
        )
        first.start()
        assert encoder.begun.acquire(timeout=10)
        with pytest.raises(httpx.ReadTimeout):
            patience = httpx.Timeout(10, read=0.2)
            httpx.post(ask, json={"model": "slow", "input": "given up"}, timeout=patience)
        waiting = ""
        for _ in range(1_000):
            told = httpx.get(f"{url}/metrics").text
            waiting = next(x for x in told.splitlines() if x.startswith("tunewise_waiting_tokens"))
            if waiting.endswith(" 1.0"):
                break
            time.sleep(0.01)
        assert waiting.endswith(" 1.0")  # the first alone
        encoder.let.release(2)
        first.join()
    assert encoder.asked == [["first"]]


def test_one_request_too_many_is_told_when_to_come_again():
    encoder = Waits(let=False)
    with running(Model("slow", encoder), limits=Limits(waiting=1)) as url:
        ask = f"{url}/v1/embeddings"
        thread = threading.Thread(
            target=lambda: httpx.post(ask, json={"model": "slow", "input": "first"}, timeout=30)
        )
        thread.start()
        assert encoder.begun.acquire(timeout=10)
        late = httpx.post(ask, json={"model": "slow", "input": "late"})
        assert late.status_code == 503
        assert int(late.headers["retry-after"]) >= 1
        assert late.json()["error"]["code"] == "overloaded"
        encoder.let.release(1)
        thread.join()


@pytest.mark.slow
def test_what_measuring_kept_is_read_and_nothing_is_added(word_model, tmp_path):
    encoder = load_encoder(word_model, cache=tmp_path, engine="torch")
    kept = encoder.encode_documents(["mend a kettle"])
    told = kept[:, ::-1].copy()  # what only the cache can give
    store = stores(tmp_path, encoder.stamp, encoder.name)[1]
    store.append(keys_of(["told by the cache"]), told, Spent())
    size = (store.folder / "vectors.f32").stat().st_size
    asked = encoder.in_way(encoder.way, keep=False)
    found = KeptVectors(tmp_path).vectors(
        asked, "documents", ["told by the cache", "clean a kettle", "mend a kettle"]
    )
    assert np.array_equal(found[0], told[0])
    assert np.allclose(found[2], kept[0], atol=1e-6)
    assert np.allclose(found[1], asked.encode_documents(["clean a kettle"])[0], atol=1e-6)
    assert (store.folder / "vectors.f32").stat().st_size == size


@pytest.mark.slow
def test_a_folder_of_vectors_that_cannot_be_locked_is_passed_over_and_said(
    word_model, tmp_path, caplog
):
    encoder = load_encoder(word_model, cache=tmp_path, engine="torch")
    expected = encoder.encode_documents(["mend a kettle"])
    [folder] = tmp_path.glob("vectors/*-documents")
    (folder / "lock").unlink()
    (folder / "lock").mkdir()
    asked = encoder.in_way(encoder.way, keep=False)
    kept = KeptVectors(tmp_path)
    for _ in range(2):
        assert np.allclose(kept.vectors(asked, "documents", ["mend a kettle"]), expected, atol=1e-6)
    assert caplog.text.count("kept vectors are not used") == 1
