"""Lines and messages of jobs: pages, searches and severities.

`pages` is the face; it reads attempts through `attempt_lines`, which splits blocks into chunks of whole
lines.
"""
