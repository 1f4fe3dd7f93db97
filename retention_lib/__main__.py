"""``python -m retention_lib``: the same as ``retention``."""

import sys

from retention_lib.commands import main

sys.exit(main())
