"""A model's folder is looked at before anything in it is loaded."""

import json
import shutil
from pathlib import Path

import pytest

from tunewise.encoders import load_encoder
from tunewise.encoders.safety import routed
from tunewise.encoders.tokens import declared_limit
from tunewise.errors import EncoderError


def refusal(folder: Path | str) -> str:
    with pytest.raises(EncoderError) as error:
        load_encoder(str(folder), cache=False)
    return str(error.value)


def test_a_good_folder_is_accepted(folder: Path) -> None:
    encoder = load_encoder(folder, cache=False)
    assert (encoder.name, encoder.found) == (str(folder), "path")  # type: ignore[attr-defined]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    assert "There is no folder" in refusal(tmp_path / "nowhere")
    assert "There is no folder" in refusal("./nowhere")
    assert "There is no folder" in refusal("a/b/c")
    assert "There is no folder" in refusal("what? no!")
    assert "There is no folder" in refusal("")


def test_a_file_instead_of_a_folder(folder: Path) -> None:
    assert "is not a folder" in refusal(folder / "config.json")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "neither modules.json nor config.json" in refusal(tmp_path)


def test_a_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "there is no model.safetensors" in refusal(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "m.ckpt"])
def test_weights_only_as_a_pickle(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    message = refusal(folder)
    assert name in message
    assert "Convert the model to safetensors" in message


def test_one_part_only_as_a_pickle(folder: Path) -> None:
    dense = folder / "2_Dense"
    dense.mkdir()
    (dense / "config.json").write_text("{}")
    (dense / "pytorch_model.bin").write_bytes(b"pickle")
    (dense / "other.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    assert "2_Dense' holds its weights only as a pickle" in refusal(folder)


def test_a_pickle_beside_safetensors_does_no_harm(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "1_Pooling" / "training_args.bin").write_bytes(b"pickle")
    load_encoder(str(folder), cache=False)


@pytest.mark.parametrize("size", [0, 4, 8, 20, 100, -1])
def test_weights_that_are_cut_off(folder: Path, size: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    assert "are damaged" in refusal(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"version https://git-lfs.github.com/spec/v1\n",
        (8).to_bytes(8, "little") + b"nonsense",
        (2).to_bytes(8, "little") + b"[]",
        (10).to_bytes(8, "little") + b'{"a": "b"}',
        b"\xff" * 100,
    ],
)
def test_weights_that_are_something_else(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert "are damaged" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_configuration_that_brings_code(folder: Path, name: str) -> None:
    (folder / name).write_text('{"auto_map": {"AutoModel": "modeling.Evil"}}')
    assert "runs no code that comes with a model" in refusal(folder)


def test_a_module_of_its_own_kind(folder: Path) -> None:
    (folder / "modules.json").write_text('[{"path": "", "type": "custom_st.Transformer"}]')
    assert "the module 'custom_st.Transformer'" in refusal(folder)


def test_a_route_of_its_own_kind(folder: Path) -> None:
    router = folder / "2_Router"
    router.mkdir()
    types = {"query_0_Evil": "evil.Evil"}
    (router / "router_config.json").write_text(json.dumps({"types": types}))
    assert "the module 'evil.Evil'" in refusal(folder)


def test_a_module_outside_the_folder(folder: Path) -> None:
    kind = "sentence_transformers.models.Transformer"
    (folder / "modules.json").write_text(json.dumps([{"path": "../other", "type": kind}]))
    assert "lies outside its folder" in refusal(folder)


def test_an_adapter_without_its_base(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base"}')
    assert "Merge the adapter into its base" in refusal(folder)


def test_an_adapter_beside_whole_weights_is_let_be_unless_a_module_reads_it(folder: Path) -> None:
    (folder / "lora").mkdir()
    (folder / "lora" / "adapter_config.json").write_text('{"base_model_name_or_path": "base"}')
    (folder / "lora" / "config.json").write_text("{}")
    assert load_encoder(str(folder), cache=False).name == str(folder)
    modules = (folder / "modules.json").read_text().replace('"path": ""', '"path": "lora"')
    (folder / "modules.json").write_text(modules)
    assert "Merge the adapter into its base" in refusal(folder)


@pytest.mark.parametrize("name", ["modules.json", "config.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("content", [b"{", b"3", b"\xff\xfe\x00"])
def test_a_configuration_that_cannot_be_read(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert "cannot be read" in refusal(folder)


def test_a_tokenizer_that_cannot_be_read(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"half": ')
    encoder = load_encoder(str(folder), cache=False)
    with pytest.raises(EncoderError, match=r"tokenizer\.json' cannot be read"):
        encoder.count_tokens(["open"])


def test_the_stamp_changes_with_anything_that_shapes_a_vector(folder: Path) -> None:
    def stamp() -> str:
        return load_encoder(str(folder), cache=False).stamp

    stamps = [stamp()]
    assert len(stamps[0]) == 16
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    stamps.append(stamp())
    prompts = '{"prompts": {"query": "query: "}}'
    for name, content in [
        ("config_sentence_transformers.json", prompts),
        ("sentence_bert_config.json", '{"max_seq_length": 8}'),
        ("vocab.txt", "open\nclose\n"),
        ("1_Pooling/config.json", '{"pooling_mode_cls_token": true}'),
        ("tokenizer.model", "sentencepiece"),
    ]:
        (folder / name).write_text(content)
        stamps.append(stamp())
    assert len(set(stamps)) == len(stamps)
    for name in ("README.md", ".gitattributes", "onnx/config.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    assert stamp() == stamps[-1]


def test_the_stamp_does_not_depend_on_where_the_folder_is(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    assert load_encoder(str(copy)).stamp == load_encoder(str(folder)).stamp


def test_tokens_are_counted_before_cutting_and_without_loading_the_model(folder: Path) -> None:
    encoder = load_encoder(str(folder), cache=False)
    texts = ["", "open the door", "open " * 3000, "\ud800"]
    assert encoder.count_tokens(texts).tolist() == [2, 5, 3002, 3]
    assert encoder.count_tokens([]).shape == (0,)


def test_prompts_take_up_tokens(folder: Path) -> None:
    prompts = {"query": "query: ", "passage": "the passage: "}
    config = {"prompts": prompts, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    encoder = load_encoder(str(folder), cache=False)
    assert encoder.count_tokens(["open"]).tolist() == [6]
    assert encoder.count_tokens(["open"], side="queries").tolist() == [5]  # type: ignore[call-arg]


def test_unknown_words_are_counted_by_words_not_by_tokens(folder: Path) -> None:
    encoder = load_encoder(str(folder), cache=False)
    share = encoder.unknown_share  # type: ignore[attr-defined]
    assert share(["open the doors"]) == 0.0
    assert share(["open тот", "日本 file"]) == pytest.approx(3 / 5)
    assert share(["", " "]) == 0.0


@pytest.mark.parametrize("kind", ["base.modules.router.Router", "models.Router", "models.Asym"])
def test_a_model_of_two_ways_is_known_by_each_name_it_had(folder: Path, kind: str) -> None:
    assert not routed(folder)
    path = folder / "modules.json"
    router = {"idx": 2, "name": "2", "path": "2_Router", "type": f"sentence_transformers.{kind}"}
    path.write_text(json.dumps([*json.loads(path.read_text()), router]))
    assert routed(folder)


@pytest.mark.parametrize("told", ["true", "0", "-1", "null", "7.0", "1000000000", f"{10**30}"])
def test_only_a_limit_that_is_one_is_taken_as_declared(folder: Path, told: str) -> None:
    path = folder / "sentence_bert_config.json"
    path.write_text('{"max_seq_length": 9}')
    assert declared_limit(folder) == 9
    path.write_text(f'{{"max_seq_length": {told}}}')
    assert declared_limit(folder) is None
