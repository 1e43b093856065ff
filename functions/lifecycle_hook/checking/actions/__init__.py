"""What is done about a lifecycle action, one file per resource. An action returns the new state."""
