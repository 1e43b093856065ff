"""An embedded Alibaba Cloud control plane: strict, small, on a clock of its own. Never shipped to Function Compute."""
