"""What `make build` runs. Never shipped to Function Compute."""
