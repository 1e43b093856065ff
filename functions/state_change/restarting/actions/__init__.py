"""What a state change does, one file per resource. An action is given the decision and returns the new state."""
