"""The actions of a sweep: it invokes the function in charge, and cleans up. It never rescues anything itself."""
