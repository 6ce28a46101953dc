"""Results of nodes: of a job from its last attempt, of a group from its children, and of what was lost.

`results` makes the Result of a job, `group_result` folds those of children as they end, `contracts` checks
the metrics of a group, and `restored` takes over what the store of a dead daemon has.

Invariant: the memory for the Result of a group does not grow with the number of its children.

Modules are imported by name, because a single job needs few of them.
"""
