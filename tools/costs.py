"""``spotkeeper costs``: what Function Compute bills for the functions, with the sizes in ``s.yaml``.

Source: Function Compute, "Pay-as-you-go" (billing in CU): 1 CU per vCPU second, 0.15 CU per GB second of memory, 75 CU
per 10,000 calls; $0.00002 per CU up to 100 million CU a month. A call is billed while it runs, waiting included; 512 MB
of disk are free. What images, snapshots, instances and logs cost is not in it: their prices depend on the region.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.bench.sizes import Size, sizes
from tools.build import ROOT

CU_PER_VCPU_SECOND = 1.0
CU_PER_GB_SECOND = 0.15
CU_PER_CALL = 75 / 10_000
DOLLARS_PER_CU = 0.00002
MINUTES_PER_MONTH = 30 * 24 * 60
MB_PER_GB = 1024


@dataclass(frozen=True)
class Case:
    """``calls`` of a function, each of so many ``seconds``."""

    what: str
    function: str
    seconds: float
    calls: int = 1

    def dollars(self, size: Size) -> float:
        """What they cost with that size."""
        per_second = CU_PER_VCPU_SECOND * size.cpu + CU_PER_GB_SECOND * size.memory / MB_PER_GB
        return self.calls * (self.seconds * per_second + CU_PER_CALL) * DOLLARS_PER_CU


CASES = (
    Case("a rescue of two minutes", "interruption", 120),
    Case("a rescue of fifteen minutes (large disks)", "interruption", 900),
    Case("1,000 state changes that need nothing", "state_change", 1, 1_000),
    Case("a restart", "state_change", 60),
    Case("a lifecycle hook of five minutes", "lifecycle_hook", 300),
    Case("a month of sweeping every minute, 2 s each", "sweep", 2, MINUTES_PER_MONTH),
)


def lines() -> list[str]:
    """The rows of a table."""
    known = sizes(ROOT / "s.yaml")
    return [f"| {case.what} | `{case.function}` | ${case.dollars(known[case.function]):.4f} |" for case in CASES]
