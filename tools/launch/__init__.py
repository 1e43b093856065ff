"""``make launch`` and ``make simulate-interruption``: one spot instance to try with, and its interruption played.

* ``wish``: what is asked for, from NAME=value
* ``market``: images, prices and stock as they are now
* ``launching``: dry run, show, ask, create, wait until it runs
* ``interrupting``: CloudMonitor's simulated event
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "shared")]  # API, clock and errors are the functions' own
