"""Files of attempts: those that they get, those that they write, and those in which they start.

`inputs` finds what a job gets from jobs that ran before it, `script_file` holds a script too long for an
argument, `scratch` makes folders for attempts, and `report_files` reads the reports of tests that a job
wrote.

Invariant: only files and folders made here are removed.

Modules are imported by name, because most jobs need none of them.
"""
