"""``python -m tools.bugs [NAME...]``: all deliberate bugs, or those of these names."""

from __future__ import annotations

import sys

from tools.bugs import main

sys.exit(main(sys.argv[1:]))
