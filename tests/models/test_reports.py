"""The libraries of the models report nothing to their makers, and leave nothing in the home."""

import os
import subprocess
import sys
from pathlib import Path

IMPORTED = """
import models.embedding
import openvino
from openvino.tools.ovc import telemetry_utils
print(telemetry_utils.tm.__name__)
"""


def test_openvino_reports_nothing(tmp_path: Path) -> None:
    # CI alone would silence it.
    environment = {**os.environ, "HOME": str(tmp_path), "CI": ""}  # noqa: TID251  # handed on

    telemetry = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", IMPORTED],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )

    assert telemetry.stdout.strip() == "openvino.tools.ovc.telemetry_stub"
    assert list(tmp_path.iterdir()) == []
