"""The keys of mappings within nodes."""

from typing import Final

from gator.spec.keys.entry import Key

SUB_KEYS: Final = {
    "cores": (Key("count", (), "count", "Number of cores; 0 runs beside others without holding one."),),
    "memory": (
        Key("size", (), "size", "Amount of memory, with or without its unit."),
        Key("unit", (), "unit", "KB, MB, GB, TB or KiB, MiB, GiB, TiB in any case; default MB."),
        Key("enforce", (), "boolean", "Fails an attempt that uses more."),
    ),
    "license": (
        Key("name", (), "text", "Name of the license."),
        Key("count", (), "count", "Number of licenses; default 1, and 0 holds none."),
    ),
    "scratch": (
        Key("keep", (), "keep", "Which folders stay: failed (default), all or none."),
        Key("root", (), "text", "Where the folders are made; default is the folder of the run."),
    ),
    "first_error": (Key("match", (), "text", "Pattern of the line, in the syntax of RE2."),),
    "starts": (Key("match", (), "text", "Pattern of the line, in the syntax of RE2."),),
    "silence": (
        Key("for", (), "time_limit", "Maximum time."),
        Key("watch", (), "text", "File whose growth counts as output, relative to the working directory."),
    ),
    "python": (
        Key("call", (), "text", "The function: package.module:function."),
        Key("with", (), "values", "Its keyword arguments."),
        Key("interpreter", (), "text", "The Python that calls it; default: the one that runs Gator."),
    ),
    "container": (
        Key("image", (), "text", "The image, or the folder of a root file system."),
        Key("mounts", (), "globs", "Further folders to mount: SOURCE:TARGET."),
        Key("tool", (), "text", "podman or apptainer; default: the first that is installed."),
        Key("options", (), "globs", "Further options of the tool."),
    ),
    "artefacts": (
        Key("produces", (), "products", "Artefacts that the job makes: a path by name."),
        Key(
            "consumes", (), "consumptions", "Artefacts of other jobs to use; waits for these jobs: JOB.NAME."
        ),
        Key("collect", (), "globs", "Globs of further files to keep."),
    ),
    "products": (
        Key("path", (), "text", "Path or glob, relative to the working directory of the job."),
        Key("keep", (), "boolean", "Whether it is kept after the run; default true."),
        Key("optional", (), "boolean", "Whether it may be missing."),
        Key("max", (), "size", "Largest size; default 10GB."),
    ),
    "consumptions": (
        Key("from", (), "text", "JOB.NAME: a job and the name of its artefact."),
        Key("when", (), "when", "passed (default), or done: the job need not pass."),
        Key("any", (), "boolean", "With `when: done`: also of jobs that failed."),
        Key("as", (), "as", "path (default), or copy: a copy to write to."),
    ),
    "hooks": (
        Key("before", (), "script", "Runs before the node, which fails if this fails."),
        Key("after", (), "script", "Runs last, whatever the outcome is."),
        Key("passed", (), "script", "Runs if the node passed."),
        Key("failed", (), "script", "Runs if the node failed or was lost."),
        Key("timeout", (), "time_limit", "Maximum time of each; default 1m."),
    ),
    "causes": (
        Key("name", (), "text", "Name of the cause."),
        Key("match", (), "text", "Regular expression that occurs in the first error."),
        Key("paths", (), "text", "Pattern of the paths of jobs."),
        Key("ticket", (), "text", "Ticket about the cause."),
    ),
    "results": (
        Key("file", (), "text", "Path or glob of the report, relative to the working directory of the job."),
        Key("format", (), "format", "junit, tap or go; by default the beginning of the file says it."),
        Key("required", (), "boolean", "Whether it is an error if there is no such file."),
    ),
    "quarantine": (
        Key("owner", (), "text", "Who takes care of the failure."),
        Key("reason", (), "text", "Why the node fails."),
        Key("until", (), "date", "The last day, as YYYY-MM-DD; afterwards a failure counts."),
    ),
    "params": (
        Key("type", (), "param_type", "text, bool, number or list; by default the spelling of `default`."),
        Key("default", (), "param_value", "The value, unless --param gives another one."),
        Key("choices", (), "texts", "The only values that are permitted."),
        Key("required", (), "boolean", "Whether it has no default, so that --param must give its value."),
        Key("help", (), "text", "What it is for; --help-params prints it."),
    ),
    "metrics": (
        Key("match", (), "text", "Pattern of a line with a value, which is its group, in the syntax of RE2."),
        Key("kind", (), "metric_kind", "How values are combined: last (default), sum, min, max or mean."),
        Key("unit", (), "text", "Unit of the value."),
    ),
    "retries": (
        Key("count", (), "count", "Further attempts after a failure; default 0."),
        Key("reasons", (), "retry_reasons", "Reasons of failures after which there is one; default all."),
        Key("delay", (), "duration", "Time before a further attempt; default none."),
        Key("backoff", (), "factor", "Factor by which the delay grows with each further attempt; default 1."),
        Key("reseed", (), "boolean", "Whether a further attempt gets another seed."),
        Key("lost", (), "count", "Further attempts after one was lost to the infrastructure; default 1."),
    ),
    "expect": (
        Key("log", (), "tags", "Patterns; each must match a line of output."),
        Key("not_log", (), "tags", "Patterns that no line of output may match."),
        Key("exit", (), "tags", "Permitted exit codes and signals; default 0."),
        Key("metrics", (), "contracts", "Conditions on metrics, such as '>= 80', by name."),
    ),
    "limits": (
        Key("warning", (), "limit", "Messages of severity WARNING; default none, which means no limit."),
        Key("error", (), "limit", "Messages of severity ERROR; default 0."),
        Key("critical", (), "limit", "Messages of severity CRITICAL; default 0."),
    ),
}
"""Keys of mappings within, by the type of value or the tag they belong to."""
