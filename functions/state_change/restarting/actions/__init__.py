"""The actions of a state change, a file for each resource. Each returns the new state."""
