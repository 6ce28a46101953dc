"""`gator schema`: the JSON Schema of specs. Rule: made from the code that checks specs, never kept."""

import json as jsons
import sys


def schema() -> None:
    """Print the JSON Schema of specs, for editors."""
    from gator.spec.schema import json_schema

    sys.stdout.write(jsons.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
