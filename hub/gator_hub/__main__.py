"""`python3 -m gator_hub` serves a hub."""

from gator_hub.main import main

main()
