"""Files become text with places, and text becomes chunks.

`read.py` reads whatever is at a path or address, document by document; what fails is a `Failure`
with its reason. `chunks.py` cuts a document into pieces that an encoder can take whole.
"""

from tunewise.documents.document import Chunk, Document, Failure

__all__ = ["Chunk", "Document", "Failure"]
