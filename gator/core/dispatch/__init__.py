"""Decides which ready attempts start where: resources, leases, hosts and reservations."""
