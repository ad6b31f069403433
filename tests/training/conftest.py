"""What the tests of tuning share: a small BERT in a folder, and its encoder."""

import pytest
from tiny_models import encoder_of, make_model


@pytest.fixture(scope="session")
def small_bert(tmp_path_factory):
    """A sentence-transformers BERT of four layers, 32 wide, with dropout; its folder."""
    return make_model(tmp_path_factory.mktemp("small_bert"))


@pytest.fixture
def bert(small_bert):
    return encoder_of(small_bert)
