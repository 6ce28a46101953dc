# ruff: noqa: T201 - the lines are the output of a job
"""Uses a core and more and more memory for a while, with a pause."""

import time

held: list[bytearray] = []
for step in range(14):
    print(f"soak: pass {step + 1} of 14", flush=True)
    held.append(bytearray(12_000_000))
    end = time.monotonic() + (0.05 if step in (5, 6) else 0.35)
    while time.monotonic() < end:
        pass
    time.sleep(0.9 if step == 6 else 0.08)
print("::gator metric name=passes value=14 unit=passes kind=sum")
