"""Commands about a hub."""
