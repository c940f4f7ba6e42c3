"""Runs commands, one after the other, on a file system that is read-only or full.

    python -m tests.footnote.namespaced FOLDER ro|full '[["ask", ...], ...]'

It mounts one on the folder: to be run in a mount namespace of its own, of which nobody else sees
anything. Prints the exit code and stderr of each command, as JSON.
"""

import json
import subprocess
import sys
from dataclasses import asdict

from tests.footnote.processes import run_main


def main() -> None:
    """Mounts, then runs the commands."""
    folder, how, commands = sys.argv[1:]
    options = "size=1m,ro" if how == "ro" else "size=1m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)  # noqa: S603, S607  # a test's own
    environment = {"FOOTNOTE_HOME": folder, "FOOTNOTE_DATABASE_URL": ""}
    ends = [asdict(run_main(command, environment)) for command in json.loads(commands)]
    print(json.dumps(ends))  # noqa: T201  # its output


if __name__ == "__main__":
    main()
