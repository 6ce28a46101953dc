"""The hub: a server that keeps the runs of many users and answers queries about them."""
