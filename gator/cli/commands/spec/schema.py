"""`gator schema`: prints the JSON Schema of specs, made by the code that checks them."""

import json as jsons
import sys


def schema() -> None:
    """Print the JSON Schema of specs, for editors."""
    from gator.spec.schema import json_schema

    sys.stdout.write(jsons.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
