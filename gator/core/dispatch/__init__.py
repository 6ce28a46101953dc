"""Decides which ready attempts start where: resources, leases, hosts and reservations.

Invariant: an attempt is handed out at most once at a time, on a lease whose share the ledger has set aside.
`dispatcher.Dispatcher` is the entrance in a root and `lease_queue.LeaseQueue` in a tier daemon; `actions` has
what both ask for, `ledger` and `pools` what a run may use.
"""
