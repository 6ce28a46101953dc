"""The catalogue of a store: the current state of nodes, attempts and metrics, made from events."""
