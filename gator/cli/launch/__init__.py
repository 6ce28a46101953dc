"""From the command line of `gator run` to a finished run."""
