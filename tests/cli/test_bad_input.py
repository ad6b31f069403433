"""Each bad input gives one message, exit code 2, no traceback, and leaves nothing half-written."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

import tunewise
from tunewise.cli import main
from tunewise.task import Task, Texts
from tunewise.testing import tiny_task

pytest.importorskip("resource", reason="full disks are played with the limits of Unix")

pytestmark = pytest.mark.usefixtures("home")

UNTUNED = ["--encoder", "word-hash", "--try", "lexical,pretrained"]
HEAD = "query-id\tcorpus-id\tscore\n"
PAIRS = "query,document\n" + "".join(f"how old is n{n},it was built in {n}\n" for n in range(40))


@pytest.fixture
def data(home, tmp_path):
    """A copy of the tiny task's folder, to be spoilt."""
    folder = tmp_path / "data"
    folder.mkdir()
    for file in (home / "tiny").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def the_message(error):
    """The one message in what a refused command said."""
    messages = [line for line in error.splitlines() if line.startswith("tunewise: ")]
    assert len(messages) == 1, error
    assert error.rstrip().endswith(messages[0])
    assert "Traceback" not in error
    return messages[0]


def nothing_left(out):
    return not out.exists() or not any(out.iterdir())


def refused(capsys, arguments, out):
    """The message of a measurement that had to be refused."""
    code = main(["measure", *map(str, arguments), "--out", str(out)])
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert nothing_left(out)
    return the_message(told.err)


@pytest.mark.parametrize(
    ("content", "what", "advice"),
    [
        (b"", "is empty", "Check that it was written to the end"),
        (b"\n\n", "no rows, only blank lines", "Check"),
        (PAIRS.encode("utf-16-le"), "it holds NUL bytes", "Save the data as UTF-8"),
        (PAIRS.replace("old", "öld").encode("latin-1"), "Line 2 of", "iconv -f WINDOWS-1252"),
        (bytes(range(256)) * 9, "not a text file", "Save the data as UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "it is a picture", "Save the data as UTF-8"),
        (PAIRS.replace("query,", "frage,").encode(), "no column for the", "--column ROLE=NAME"),
        (b"frage,antwort\na,b\n", "'frage', 'antwort'", "--column"),
        (b"query,document,score\na,x,1\nb,y,NaN\n", "Line 3 of", "not a finite number"),
        (b"query,document,score\na,x,1\nb,y,inf\n", "Line 3 of", "not a finite number"),
        (b"query,document,score\na,x,0\nb,y,0\n", "All grades of", "a grade of 1 or more"),
        (b"qid,query,document\n1,a,x\n1,b,y\n", "query id '1' to another", "unique"),
        (b"query,document\na,x\nb,y\nc,z\n", "too few for any result", "Judge more queries"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused(tmp_path, capsys, content, what, advice):
    (tmp_path / "pairs.csv").write_bytes(content)
    said = refused(capsys, [tmp_path / "pairs.csv", *UNTUNED], tmp_path / "out")
    assert what in said
    assert advice in said


def test_identical_documents_are_refused(tmp_path, capsys):
    rows = [f"how old is n{n},always the same" for n in range(40)]
    (tmp_path / "pairs.csv").write_text("query,document\n" + "\n".join(rows) + "\n")
    said = refused(capsys, [tmp_path / "pairs.csv", *UNTUNED], tmp_path / "out")
    assert "no contender can be better than another" in said
    assert "Add different documents" in said


@pytest.mark.parametrize(
    ("file", "content", "what", "advice"),
    [
        ("corpus.jsonl", b"", "is empty", "Check that it was written"),
        ("corpus.jsonl", b'{"_id": "d1", "text": "a"}\n{"_id": "d1", "text": "b"}\n',
         "gives the document id 'd1' to another text", "Ids must be unique"),
        ("corpus.jsonl", b'{"text": "a"}\n', "no column for the document_id", "--column"),
        ("queries.jsonl", b'{"_id": "q1", "text": "a"}\n{"_id": "q1", "text": "b"}\n',
         "gives the query id 'q1' to another text", "Ids must be unique"),
        ("queries.jsonl", b"\x00\x01\x02", "not a text file", "Save the data as UTF-8"),
        ("qrels.tsv", b"", "is empty", "Check that it was written"),
        ("qrels.tsv", HEAD.encode(), "holds no judgments that can be used", "one a line"),
        ("qrels.tsv", (HEAD + "q1\td1\t0\nq2\td2\t0\n").encode(), "All grades of", "grade of 1"),
        ("qrels.tsv", (HEAD + "q1\td1\tnan\n").encode(), "not a finite number", "Line 2 of"),
        ("qrels.tsv", (HEAD + "q1\td1\t-inf\n").encode(), "not a finite number", "Line 2 of"),
        ("qrels.tsv", (HEAD + "q1\tgone\t1\n").encode(), "do not exist", "spelled alike"),
        ("qrels.tsv", (HEAD + "q1\td1\t1\nq2\td2\t1\nq3\td3\t1\n").encode(),
         "too few for any result", "Judge more queries"),
        ("qrels.tsv", None, "holds no judgments", "Add qrels/test.tsv"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_refused(
    data, tmp_path, capsys, file, content, what, advice
):
    (data / file).unlink()
    if content is not None:
        (data / file).write_bytes(content)
    said = refused(capsys, [data, *UNTUNED], tmp_path / "out")
    assert what in said
    assert advice in said


@pytest.mark.parametrize("command", ["measure", "check", "compare", "search"])
def test_data_that_is_not_there_is_refused_by_every_command(tmp_path, capsys, command):
    nowhere = str(tmp_path / "nowhere")
    said = {
        "measure": ["measure", nowhere],
        "check": ["check", nowhere, "--encoder", "word-hash"],
        "compare": ["compare", "word-hash", "word-hash", "--on", nowhere],
        "search": ["search", nowhere, "words"],
    }
    assert main(said[command]) == 2
    assert "nowhere" in the_message(capsys.readouterr().err)


@pytest.mark.parametrize(
    "content",
    [
        PAIRS.encode("utf-16"),
        PAIRS.encode("utf-16-be").join([b"\xfe\xff", b""]),
        PAIRS.encode("utf-8-sig"),
        PAIRS.replace("\n", "\r\n").encode(),
        PAIRS.replace("\n", "\r").encode(),
    ],
    ids=["UTF-16", "UTF-16 big endian", "UTF-8 with a mark", "CRLF", "CR"],
)
def test_an_encoding_that_is_certain_and_any_line_ending_are_read(tmp_path, content):
    (tmp_path / "pairs.csv").write_bytes(PAIRS.encode())
    (tmp_path / "other.csv").write_bytes(content)
    plain, other = (tunewise.read_task(tmp_path / f"{name}.csv") for name in ("pairs", "other"))
    assert other.fingerprint == plain.fingerprint
    assert main(["check", str(tmp_path / "other.csv"), "--encoder", "word-hash"]) == 0


def test_judgments_for_missing_documents_are_left_out_and_told(data, tmp_path, capsys):
    with (data / "qrels.tsv").open("a") as file:
        file.write("q1\tgone\t1\n")
    assert main(["measure", str(data), *UNTUNED, "--out", str(tmp_path / "out")]) == 0
    assert "D007 warning" in capsys.readouterr().out


def test_without_a_train_part_it_is_measured_untuned_and_said(tmp_path, capsys):
    task = tiny_task()
    parts = dict.fromkeys(task.judgments, "test")
    tunewise.write_task(
        Task(task.documents, task.queries, task.judgments, parts=parts), tmp_path / "data"
    )
    arguments = ["measure", str(tmp_path / "data"), "--encoder", "word-hash"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "D052 warning: There is nothing to train on" in said
    assert "adapter: there is no train part to learn from" in " ".join(said.split())
    facts = json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8"))
    assert not any(contender["tuned"] for contender in facts["contenders"])


@pytest.mark.slow
def test_a_document_of_ten_megabytes_is_measured_and_told(data, tmp_path, capsys):
    text = " ".join(f"word{n % 20_000} stays" for n in range(960_000))
    assert len(text) > 10**7
    with (data / "corpus.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "large", "title": "", "text": text}) + "\n")
    assert main(["measure", str(data), *UNTUNED, "--out", str(tmp_path / "out")]) == 0
    assert "larger than a megabyte" in capsys.readouterr().out


def model_folder(folder, *, weights="model.safetensors"):
    """A folder that looks like a model's, with weights of a few bytes."""
    folder.mkdir()
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    (folder / "modules.json").write_text(json.dumps([module]))
    (folder / "config.json").write_text('{"model_type": "bert"}')
    save_file({"weight": np.arange(12, dtype=np.float32)}, folder / weights)
    return folder


def wrong(tmp_path):
    return tmp_path / "model"


def truncated(tmp_path):
    weights = model_folder(tmp_path / "model") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    return tmp_path / "model"


def only_pickles(tmp_path):
    return model_folder(tmp_path / "model", weights="pytorch_model.bin")


def no_model(tmp_path):
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


def foreign_code(tmp_path):
    folder = model_folder(tmp_path / "model")
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Model"}}')
    return folder


def folder_of_winners(tmp_path):
    folder = tmp_path / "model"
    (folder / "faq" / "model").mkdir(parents=True)
    (folder / "faq" / "model" / "tunewise.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("spoilt", "what", "advice"),
    [
        (wrong, "There is no folder", "Check the path"),
        (truncated, "are damaged: it has", "Copy or download the model again"),
        (only_pickles, "only as a pickle", "Convert the model to safetensors"),
        (no_model, "holds no model", "Give the folder"),
        (folder_of_winners, "holds no model", "There is one in"),
        (foreign_code, "needs code of its own", "Choose a model"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(tmp_path, capsys, spoilt, what, advice):
    said = refused(capsys, ["tiny", "--encoder", spoilt(tmp_path)], tmp_path / "out")
    assert what in said
    assert advice in said


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--budget", "soon"], "not 'soon'"),
        (["--budget", "0m"], "budget"),
        (["--price", "x=y"], "not 'x=y'"),
        (["--price", "judgment"], "not 'judgment'"),
        (["--price", "judgment=-1"], "not 'judgment=-1'"),
        (["--price", "judgment=nan"], "judgment=nan"),
        (["--price", "machine_hour=inf"], "machine_hour=inf"),
        (["--price", "watt=-5"], "not 'watt=-5'"),
        (["--corpus", "0"], "corpus=0"),
        (["--corpus", "-3"], "corpus=-3"),
        (["--traffic", "-1"], "traffic=-1"),
        (["--traffic", "nan"], "traffic=nan"),
        (["--retunes", "inf"], "retunes=inf"),
        (["--column", "nonsense"], "not 'nonsense'"),
        (["--column", "nonsense=text"], "nonsense"),
        (["--column", "query=frage"], "frage"),
        (["--metric", "nDCK@10"], "nDCK"),
        (["--metric", "nDCG@0"], "nDCG@0"),
        (["--try", "magic"], "'magic'"),
        (["--try", ""], "lexical, pretrained"),
        (["--try", "lexical,,pretrained"], "lexical, pretrained"),
        (["--try", "hybrid"], "untuned"),
        (["--worth", "2"], "is 2, but a metric goes from 0 to 1"),
        (["--worth", "nan"], "nan"),
        (["--worth", "1e-300"], "is 1e-300, but a metric goes from 0 to 1"),
        (["--target", "75"], "75.0"),
        (["--target", "nan"], "nan"),
        (["--seed", "-1"], "-1"),
        (["--encoder", "openai:"], "no name"),
        (["--encoder", "openai:m", "--base-url", "localhost:80"], "'localhost:80'"),
        (["--encoder", "openai:m", "--base-url", "ftp://x/v1"], "'ftp://x/v1'"),
        (["--encoder", "openai:m", "--base-url", "http://me:secret@x/v1"], "Leave them out"),
        (["--base-url", "http://127.0.0.1:1/v1"], "base URL"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(tmp_path, capsys, options, what):
    untuned = UNTUNED[2 * ("--encoder" in options) :]
    said = refused(capsys, ["tiny", *untuned, *options], tmp_path / "out")
    assert what in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "options", [["--worth", "much"], ["--seed", "1.5"], ["--seed"], ["--encoder"]]
)
def test_a_value_of_the_wrong_kind_is_refused_by_the_command(capsys, options):
    with pytest.raises(SystemExit) as left:
        main(["measure", "tiny", *options])
    assert left.value.code == 2
    assert "tunewise measure: error: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["compare", "a.run", "b.run"], "--on DATA"),
        (["compare", "nowhere/a", "word-hash", "--on", "tiny"], "nowhere/a"),
        (["compare", "word-hash", "word-hash", "--on", "tiny", "--metric", "F1"], "F1"),
        (["compare", "tiny/qrels.tsv", "word-hash", "--on", "tiny"], "tiny/qrels.tsv"),
        (["search", "tiny", "words"], "holds no verdict"),
        (["search", "listed", "words"], "holds no verdict"),
        (["search", "tiny", "words", "-k", "0"], "-k is 0"),
        (["check", "tiny", "--encoder", "word-hash", "--seed", "-3"], "-3"),
        (["check", "tiny", "--encoder", "word-hash", "--worth", "5"], "is 5, but a metric goes"),
        (["forecast", "tiny", "--encoder", "word-hash", "--worth", "5"], "is 5, but a metric"),
        (["advise", "--worth", "5"], "is 5, but a metric goes"),
        (["advise", "--documents", "-5"], "-5"),
    ],
)
def test_the_other_commands_refuse_in_the_same_way(home, capsys, arguments, what):
    (home / "listed").mkdir(exist_ok=True)
    (home / "listed" / "verdict.json").write_text("[]")
    assert main(arguments) == 2
    assert what in the_message(capsys.readouterr().err)


def test_an_endpoint_that_is_not_there_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TUNEWISE_API_KEY", "sk-not-to-be-told")
    hosted = ["--encoder", "openai:m", "--base-url", "http://api.invalid/v1"]
    said = refused(capsys, ["tiny", "--try", "pretrained", *hosted], tmp_path / "out")
    assert "api.invalid" in said
    assert "sk-not" not in said


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_place_of_the_folder_is_refused_before_the_work(tmp_path, capsys, place):
    (tmp_path / "file").write_text("mine")
    assert main(["measure", "tiny", *UNTUNED, "--out", str(tmp_path / place)]) == 2
    told = capsys.readouterr().err
    assert f"Cannot write to '{tmp_path / place}'" in the_message(told)
    assert "scoring" not in told
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_refused_before_the_work(tmp_path, capsys):
    tmp_path.chmod(0o500)
    try:
        said = refused(capsys, ["tiny", *UNTUNED], tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)
    assert "Permission denied" in said


def test_a_model_folder_of_somebody_elses_is_not_replaced(tmp_path, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    assert main(["measure", "tiny", *UNTUNED, "--out", str(tmp_path)]) == 2
    said = the_message(capsys.readouterr().err)
    assert "was not written by Tunewise" in said
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "thesis.txt"]


SMALL_FILES = """
import resource, sys
from tunewise.cli import main
from tunewise.data.language import detect
detect(["which language this is"])  # once unpacked to the disk, it stays in memory
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


def with_small_files(largest, arguments, cache):
    """Runs the command where no file can be larger than `largest` bytes: a disk that is full."""
    return subprocess.run(
        [sys.executable, "-B", "-c", SMALL_FILES, str(largest), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TUNEWISE_CACHE": str(cache)},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("largest", "full"), [(0, "cache"), (500, "out"), (20_000, "out")],
    ids=["the cache", "the model folder", "the report"],
)  # fmt: skip
def test_a_full_disk_is_named_and_the_same_command_goes_on_once_there_is_room(
    tmp_path, largest, full
):
    arguments = ["measure", "tiny", *UNTUNED, "--out", tmp_path / "out"]
    ended = with_small_files(largest, arguments, tmp_path / "cache")
    assert (ended.returncode, ended.stdout) == (2, "")
    said = the_message(ended.stderr)
    assert f"'{tmp_path / full}" in said
    assert "File too large" in said
    assert nothing_left(tmp_path / "out")
    assert main([str(argument) for argument in arguments]) == 0


@pytest.mark.slow
def test_a_full_disk_leaves_an_earlier_verdict_as_it_was(tmp_path):
    arguments = ["measure", "tiny", *UNTUNED, "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ended = with_small_files(20_000, [*arguments, "--seed", "1"], tmp_path / "cache")
    assert ended.returncode == 2
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert after == before


def test_a_full_folder_for_temporary_files_is_named(small_disk, tmp_path):
    (small_disk / "fill").write_bytes(bytes(2**20 - 2**14))
    ended = subprocess.run(
        [sys.executable, "-m", "tunewise", "check", "tiny", "--encoder", "word-hash"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TMPDIR": str(small_disk)},
    )
    assert ended.returncode == 2
    assert f"Cannot write to '{small_disk}'" in the_message(ended.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("largest", "full"), [(100_000, "cache"), (1_000_000, "out")], ids=["vectors", "weights"]
)
def test_vectors_and_weights_that_do_not_fit_are_named(tmp_path, largest, full):
    arguments = ["measure", "tiny", "--try", "pretrained", "--out", tmp_path / "out"]
    ended = with_small_files(largest, arguments, tmp_path / "cache")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"'{tmp_path / full}" in the_message(ended.stderr)
    assert nothing_left(tmp_path / "out")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a megabyte, where it is allowed to make one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        made = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("only root may make a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("full", ["cache", "out"])
def test_a_disk_that_is_really_full_is_named(small_disk, tmp_path, capsys, monkeypatch, full):
    places = {"cache": tmp_path / "cache", "out": tmp_path / "out", full: small_disk / full}
    monkeypatch.setenv("TUNEWISE_CACHE", str(places["cache"]))
    places["out"].mkdir()
    (small_disk / "fill").write_bytes(bytes(2**20 - 4096 * 4))
    with pytest.raises(OSError, match="No space left"), (small_disk / "rest").open("wb") as file:
        file.write(bytes(2**20))
    said = refused(capsys, ["tiny", *UNTUNED], places["out"])
    assert "No space left on device" in said
    assert f"'{small_disk}" in said


@pytest.mark.parametrize("texts", [[""] * 40, ["?!"] * 40], ids=["empty", "without a word"])
def test_queries_without_a_word_are_told_and_break_nothing(tmp_path, capsys, texts):
    task = tiny_task()
    spoilt = Texts(task.queries.ids, [*texts, *task.queries.texts[40:]])
    tunewise.write_task(Task(task.documents, spoilt, task.judgments), tmp_path / "data")
    code = main(["measure", str(tmp_path / "data"), *UNTUNED, "--out", str(tmp_path / "out")])
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert code == 0 or the_message(told.err)
