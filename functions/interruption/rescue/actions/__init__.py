"""What a rescue does, one file per resource. An action returns the new state."""
