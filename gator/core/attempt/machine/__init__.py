"""The state machine of one attempt.

    STARTING ──► RUNNING ──► DRAINING ──► SWEEPING ──► READING_LOGS ──► READING ──► COLLECTING ─┐
      │  ▲         │            ▲          │    ▲       if `also_log`    if `results`  if artefacts │
      ▼  │         ├► ENDING ──►┤          ▼    │       names files      are named     are made    │
    PREPARING      └► KILLING ──┘   ENDING_REST │                                                  │
    if `before`                        └► KILLING_REST       FINISHED ◄── SWEEPING ◄── HOOKS ◄─────┘
    is a hook                                                    ▲                     if any      │
                                                                 └─────────────────────────────────┘

PREPARING runs the hook `before`, and an attempt whose hook fails goes from there to SWEEPING. An attempt
that cannot be started, or is stopped before it is, goes from STARTING to HOOKS or FINISHED. READING and
COLLECTING are left out if the attempt was stopped. The hooks after the end are swept like the leader.

`wrapper` takes the inputs, `context` is what is known of the attempt, `ending` ends its processes and
`closing` comes to the verdict. The last two are functions that change the context and return actions.
"""

from gator.core.attempt.machine.wrapper import Wrapper as Wrapper
