"""Runs a compiled pipeline with the SDK's own kfp.local and prints its outputs as JSON.

Usage: kfp_local.py PIPELINE.yaml WORKDIR ARGUMENTS.json
"""

import contextlib
import json
import os
import sys
from pathlib import Path

from kfp import components, local


def plain(output):
    """A parameter's value, or what an artifact's file holds."""
    if isinstance(output, list):
        return [plain(item) for item in output]
    path = getattr(output, "path", None)
    if path is None:
        return output
    file = Path(path)
    return {
        "type": output.schema_title,
        "text": file.read_text() if file.is_file() else None,
        "metadata": {k: v for k, v in output.metadata.items() if k != "display_name"},
    }


def main():
    package, workdir, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    os.chdir(workdir)
    local.init(runner=local.SubprocessRunner(use_venv=True), raise_on_error=True)
    with contextlib.redirect_stdout(sys.stderr):
        task = components.load_component_from_file(package)(**arguments)
    print(json.dumps({name: plain(output) for name, output in task.outputs.items()}))


if __name__ == "__main__":
    main()
