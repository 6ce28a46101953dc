"""What a launch decides from its plan, its command line and its environment."""
