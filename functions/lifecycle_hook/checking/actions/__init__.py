"""The actions of a lifecycle action, a file for each resource. Each returns the new state."""
