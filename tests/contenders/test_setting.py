"""Setting: what all contenders share is made once."""

import numpy as np
import pytest

from tunewise.contenders import TABLE, Setting
from tunewise.data.split import divide
from tunewise.testing import WordHashEncoder, tiny_task


class Counting(WordHashEncoder):
    """A word-hash encoder that remembers how often documents were encoded."""

    times = 0

    def encode_documents(self, texts, **options):
        self.times += 1
        return super().encode_documents(texts, **options)


@pytest.mark.slow  # torch takes seconds to import
def test_documents_are_encoded_once_for_all_contenders_of_an_encoder():
    encoders = [Counting(32), Counting(64)]
    setting = Setting(divide(tiny_task()).training, encoders, "nDCG@10")
    fitted = [*TABLE["pretrained"].fit(setting, []), *TABLE["adapter"].fit(setting, [])]
    assert len(fitted) == 6
    assert [encoder.times for encoder in encoders] == [1, 1]
    texts = setting.training.documents.texts
    for encoder in encoders:
        vectors = setting.document_vectors(encoder)
        np.testing.assert_array_equal(vectors, WordHashEncoder.encode_documents(encoder, texts))
