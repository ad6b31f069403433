"""LangChain's own class for OpenAI's embeddings, unmodified, against the service."""

import numpy as np
import pytest
from running import running

from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_langchain_embeds_documents_and_queries():
    found = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
    encoder = WordHashEncoder()
    texts = ["open a file", "close the window", "open a file"]
    with running(Model("faq", encoder)) as url:
        asking = found.OpenAIEmbeddings(
            model="faq:document",
            base_url=f"{url}/v1",
            api_key="none",
            check_embedding_ctx_length=False,
        )
        queries = found.OpenAIEmbeddings(
            model="faq:query",
            base_url=f"{url}/v1",
            api_key="none",
            check_embedding_ctx_length=False,
        )
        documents, query = asking.embed_documents(texts), queries.embed_query("open the file")
    assert np.allclose(documents, encoder.encode_documents(texts), atol=1e-6)
    assert np.allclose(query, encoder.encode_queries(["open the file"])[0], atol=1e-6)
