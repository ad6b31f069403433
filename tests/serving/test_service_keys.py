"""Keys: made, shown once, listed, revoked; every route refuses every key that is wrong for it."""

import json
import re
import stat
import time

import httpx
import pytest
from running import Waits, running

from tunewise.cli import main, parser
from tunewise.cli.serve import required_keys
from tunewise.errors import DataError, OptionError
from tunewise.serving.access import Access
from tunewise.serving.keys import KeyFile, key_file
from tunewise.serving.models import Model
from tunewise.serving.refused import Refused


@pytest.fixture
def keys(tmp_path):
    return KeyFile(tmp_path / "keys.json")


def made(capsys, *arguments):
    assert main(["keys", "create", *arguments]) == 0
    return capsys.readouterr().out.strip()


def test_a_key_is_shown_once_and_only_its_hash_is_kept(tmp_path, capsys):
    file = tmp_path / "keys.json"
    secret = made(capsys, "jane", "--scopes", "embed,search", "--file", str(file))
    assert len(secret) > 40
    kept = "".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    assert secret not in kept
    assert secret[3:] not in kept
    for path in (file, tmp_path / "audit.jsonl"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert main(["keys", "list", "--file", str(file)]) == 0
    [told] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told["name"], told["scopes"]) == ("jane", ["embed", "search"])
    assert "digest" not in told


def test_what_is_done_with_keys_is_written_down(tmp_path, capsys):
    file = str(tmp_path / "keys.json")
    made(capsys, "jane", "--scopes", "admin", "--file", file)
    [key] = KeyFile(tmp_path / "keys.json").known()
    assert main(["keys", "revoke", key.id, "--file", file]) == 0
    assert main(["keys", "revoke", key.id, "--file", file]) == 0
    lines = [json.loads(x) for x in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(each["act"], each["key"]) for each in lines] == [
        ("key created", key.id),
        ("key revoked", key.id),
    ]
    assert all(each["by"] and each["time"] and each["name"] == "jane" for each in lines)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create"], "--scopes"),
        (["create", "--scopes", "embed,all"], "no scope 'all'"),
        (["create", "--scopes", "embed", "--days", "0"], "lets nothing through"),
        (
            ["create", "--scopes", "embed", "--days", "-3"],
            "--days -3 lets nothing through. Give more than 0, or leave it out.",
        ),
        (["create", "--scopes", "embed", "--tokens", "0"], "--tokens 0 lets nothing through"),
        (["create", "--scopes", "search", "--collections", "my bucket"], "can be called 'my buck"),
        (["create", "--scopes", "search", "--collections", "a,\xe9"], "can be called '\xe9'"),
        (["create", "--scopes", "search", "--collections", " ,"], "would open none"),
        (["create", "", "--scopes", "embed"], "The name is empty"),
        (["create", "ja\nne", "--scopes", "embed"], "A key's name is one line"),
        (["list"], "There is no file of keys"),
        (["create", "--scopes", "search,admin", "--collections", "a"], "administrator's key sees"),
        (["revoke"], "Say which"),
        (["revoke", "key-none"], "no key 'key-none'"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(tmp_path, capsys, arguments, told):
    assert main(["keys", *arguments, "--file", str(tmp_path / "keys.json")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "keys.json").exists()


def test_a_key_opens_what_it_is_for_until_it_ends(keys):
    key, secret = keys.create("", ["embed"], days=1, collections=["manuals"])
    assert keys.find(secret) == key
    assert keys.find(secret[:-1]) is None
    assert key.good(time.time())
    assert not key.good(time.time() + 86_401)
    assert not keys.revoke(key.id).good(time.time())
    assert key.opens("manuals")
    assert not key.opens("letters")
    assert keys.create("", ["embed"])[0].opens("letters")


def test_a_damaged_file_of_keys_lets_nobody_in(keys):
    _, secret = keys.create("", ["embed"])
    keys.path.write_text('{"format": 1, "keys": [{}]}')
    with pytest.raises(DataError, match="cannot be read"):
        keys.find(secret)
    keys.path.unlink()
    assert keys.find(secret) is None


def test_the_file_can_be_named_in_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TUNEWISE_KEYS", str(tmp_path / "own.json"))
    assert key_file() == tmp_path / "own.json"
    parsed = parser().parse_args(["serve"])  # on this machine alone, and locked all the same
    with pytest.raises(
        OptionError, match=r"own\.json' is not there, and holds no key that is good"
    ):
        required_keys(parsed)
    other = KeyFile(tmp_path / "other.json")
    with pytest.raises(OptionError, match=re.escape(f"tunewise keys list --file {other.path}")):
        other.revoke("none")
    other.revoke(other.create("", ["embed"])[0].id)
    parsed = parser().parse_args(["serve", "--keys", str(other.path)])
    with pytest.raises(OptionError, match=f"no key that is good.*embed --file {other.path}"):
        required_keys(parsed)
    monkeypatch.delenv("TUNEWISE_KEYS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert key_file() == tmp_path / "tunewise" / "keys.json"


def test_limits_a_minute_fill_up_evenly(keys):
    now = [1_000.0]
    access = Access(keys, clock=lambda: now[0])
    _, secret = keys.create("", ["embed"], requests_per_minute=2, tokens_per_minute=100)

    def ask(tokens):
        access.charge(access.admit(f"Bearer {secret}"), tokens)

    ask(10)
    ask(10)
    with pytest.raises(Refused, match="2 requests a minute") as caught:
        ask(10)
    assert caught.value.reason.status == 429
    assert caught.value.reason.headers["Retry-After"] in ("30", "31")
    now[0] += 30
    ask(100)  # 80 are left of the first, and 50 have come
    now[0] += 30
    with pytest.raises(Refused, match="100 tokens a minute") as caught:
        ask(60)
    assert caught.value.reason.kind == "tokens"
    now[0] -= 1_000  # a clock that goes backwards gives nothing away,
    for _ in range(2):
        with pytest.raises(Refused):
            ask(60)
        now[0] += 30
    now[0] += 30
    ask(60)  # and nobody waits until it is where it was


def test_a_request_larger_than_a_minutes_tokens_is_owed_for_afterwards(keys):
    now = [0.0]
    access = Access(keys, clock=lambda: now[0])
    key, _ = keys.create("", ["embed"], tokens_per_minute=60)
    access.charge(key, 180)
    now[0] = 119
    with pytest.raises(Refused):
        access.charge(key, 1)
    now[0] = 122
    access.charge(key, 1)


def test_a_key_made_or_revoked_counts_at_once(keys):
    with running(Model("waits", Waits()), keys=keys) as url:
        key, secret = keys.create("", ["embed"])
        headers = {"authorization": f"Bearer {secret}"}
        assert httpx.get(f"{url}/v1/models", headers=headers).status_code == 200
        keys.revoke(key.id)
        assert httpx.get(f"{url}/v1/models", headers=headers).status_code == 401


def test_a_key_past_its_limit_is_told_when_to_come_again(keys):
    _, secret = keys.create("", ["embed"], requests_per_minute=1)
    with running(Model("waits", Waits()), keys=keys) as url:
        headers = {"authorization": f"Bearer {secret}"}
        answers = [httpx.get(f"{url}/v1/models", headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 429]
    assert int(answers[1].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "unencrypted"),
        (["--host", "192.0.2.1"], "unencrypted"),
        (["--host", "::"], "unencrypted"),
        (["--host", "0.0.0.0", "--behind-proxy"], "holds no key"),
        (["--host", "127.0.0.1", "--behind-proxy"], "holds no key"),
        (["--host", "0.0.0.0", "--tls-cert", "c.pem", "--tls-key", "k.pem"], "holds no key"),
        (["--keys", "none.json"], "holds no key"),
        (["--tls-cert", "c.pem"], "--tls-key"),
    ],
)
def test_another_host_is_refused_without_keys_and_tls(
    monkeypatch, tmp_path, capsys, arguments, told
):
    monkeypatch.setenv("TUNEWISE_KEYS", str(tmp_path / "none.json"))
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "word-hash", "--port", "0", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_scopes_have_an_order_and_none_is_made_up(keys):
    key, _ = keys.create("", ["tune", "embed"])
    assert key.scopes == ("embed", "tune")
    with pytest.raises(OptionError, match="Choose from embed, search, write, tune, admin"):
        keys.create("", ["root"])


def test_a_broken_file_of_keys_lets_nobody_in_and_the_log_says_why(keys, caplog):
    _, secret = keys.create("", ["embed"])
    headers = {"authorization": f"Bearer {secret}"}
    good = keys.path.read_bytes()
    with running(Model("waits", Waits()), keys=keys) as url, httpx.Client(timeout=60) as client:

        def ask():
            return client.get(f"{url}/v1/models", headers=headers)

        assert ask().status_code == 200
        for break_it in (lambda: keys.path.write_text("{"), keys.path.unlink):
            break_it()
            answer = ask()
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "keys_unreadable")
            assert str(keys.path) not in answer.text
            assert client.get(f"{url}/healthz").status_code == 200
        assert "cannot be read" in caplog.text
        assert "is gone" in caplog.text
        keys.path.write_bytes(good)
        assert ask().status_code == 200


def test_a_listed_key_says_whether_it_is_still_good(keys, capsys):
    keys.create("good", ["embed"], days=1)
    keys.create("expired", ["embed"], days=1e-9)
    revoked, _ = keys.create("revoked", ["embed"], days=1e-9)
    keys.revoke(revoked.id)
    assert main(["keys", "list", "--file", str(keys.path)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["state"] for each in told] == ["good", "expired", "revoked"]
    assert [each["name"] for each in told] == ["good", "expired", "revoked"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tls-cert", "none.pem", "--tls-key", "k.pem"], "no file 'none.pem'"),
        (["--tls-cert", "text.pem", "--tls-key", "text.pem"], "must be PEM files"),
        (["--host", "192.0.2.1", "--behind-proxy"], "Cannot listen at '192.0.2.1'"),
        (["--host", "nowhere.invalid", "--behind-proxy"], "Cannot listen at 'nowhere.invalid'"),
        (["--host", "::1", "--port", "80000"], "no port 80000"),
    ],
)
def test_what_cannot_be_listened_at_is_said_before_models_are_loaded(
    keys, monkeypatch, capsys, arguments, told
):
    monkeypatch.chdir(keys.path.parent)
    keys.create("", ["embed"])
    (keys.path.parent / "text.pem").write_text("no certificate")
    (keys.path.parent / "k.pem").write_text("no key")
    # a model that there is not: it would be what is told, were it loaded first
    assert main(["serve", "no-such/model", "--keys", "keys.json", "--port", "0", *arguments]) == 2
    assert told in capsys.readouterr().err
