"""`python -m tunewise` is `tunewise`."""

import sys

from tunewise.cli import main

sys.exit(main())
