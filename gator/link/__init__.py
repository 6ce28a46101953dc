"""Both ends of Attach: the one stream between a child and its parent."""
