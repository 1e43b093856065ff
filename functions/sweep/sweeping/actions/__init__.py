"""What a sweep does: hand over to the function whose job it is, and clean up. It never rescues anything itself."""
