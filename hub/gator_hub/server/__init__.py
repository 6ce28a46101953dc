"""The process of a hub: options, access, services and connections."""
