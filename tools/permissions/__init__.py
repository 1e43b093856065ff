"""``make permissions``: the functions' roles and policies, and the journal bucket.

* ``deployment``: what they are to be, out of `s.yaml` and the files in ``ram/``
* ``roles``, ``bucket``: what there is, and what would have to be changed
* ``apis``: RAM and OSS in the name of whoever calls
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "shared")]  # credentials and errors are the functions' own
