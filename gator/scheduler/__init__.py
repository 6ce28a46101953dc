"""Where daemons run. The rule: a scheduler starts and ends daemons, and knows nothing of what they do."""
