"""The description of the API against what the API does, by schemathesis: requests that fit it and requests that do not."""

import os
import pathlib
import subprocess
import sys

from conftest import KEY, KEYS

# The generator draws the same each time, and nothing that it draws meets a limit of time.
UNHURRIED = KEYS.replace("[[api.keys]]", "[api.rate]\nper_second = 100000\nburst = 100000\n[[api.keys]]", 1)


def test_nothing_is_other_than_it_is_described(start, tmp_path):
    server = start(UNHURRIED)
    command = [
        str(pathlib.Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{server.url}/api/openapi.json",
        f"--header=X-API-Key: {KEY}",
        "--phases=examples,coverage,fuzzing",
        "--max-examples=20",
        "--generation-deterministic",
        "--no-color",
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent)}
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | hooks
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert "15 passed" in run.stdout, run.stdout
    server.stop()
