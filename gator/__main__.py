"""`python3 -m gator` is the command `gator`."""

from gator.cli.main import main

main()
