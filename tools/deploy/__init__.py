"""``make deploy`` and ``make undeploy``: what `s.yaml` describes, brought to Function Compute and taken away again.

* ``serverless_devs``: the CLI that does the work, of the version in package.json
* ``access``: in whose name; ``openapi``: the two APIs that no SDK here covers
* ``plan``: what will be done, out of `s.yaml` as the CLI resolves it, after the strict check
* ``deploying``, ``removing``: show it, ask, do it, read back what there is now
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "shared")]  # credentials and errors are the functions' own
