"""Opens the run that a command is about, in its folder, from its live root or from a hub."""
