"""Checks the module with conversations as LLM frameworks serialise them.

    run.py [--fixtures] [--save] [WORD ...]

Runs every builder, compares what it prints with its fixture, and checks each form against a real server with the
module. `--fixtures` reads the fixtures instead, without any framework. `--save` writes the fixtures anew. Words select
forms by a part of their name. Prints one line for each form; the last line is `N passed, N failed`.

CONV_MODULE and REDIS_SERVER choose other binaries. FRAMEWORKS_TARGET is the directory with the environments that
`make frameworks` installs (default: target/).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests/clients/python")]
sys.dont_write_bytecode = True

from checks import Checks  # noqa: E402
from servers import running  # noqa: E402

FIXTURES = HERE / "fixtures"
BUILD_SECONDS = 120
#: Builders that need an environment other than the main one.
ENVIRONMENTS = {
    "build_google_genai.py": "frameworks-venv-models",
    "build_litellm.py": "frameworks-venv-models",
    "build_semantic_kernel.py": "frameworks-venv-semantic-kernel",
}


def form_name(built: dict[str, Any]) -> str:
    """The name of a form and of its fixture."""
    return f"{built['framework']}_{built['form']}".replace("/", "_").replace("@", "").replace("-", "_")


def build(script: Path, target: Path) -> list[dict[str, Any]]:
    """All forms that a builder prints."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    if script.suffix == ".mjs":
        # Node resolves packages from the directory of the script, so the builder runs from a copy.
        node = target / "frameworks-node"
        for source in script.parent.glob("*.mjs"):
            (node / source.name).write_bytes(source.read_bytes())
        words = ["node", str(node / script.name)]
    else:
        venv = target / ENVIRONMENTS.get(script.name, "frameworks-venv")
        words = [str(venv / "bin/python"), "-W", "ignore", str(script)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_SECONDS, env=environment)
    if done.returncode:
        raise RuntimeError(f"{script.name} failed:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def fixture_text(built: dict[str, Any]) -> str:
    """A fixture: one message and one expectation a line, so that a difference is easy to read."""
    fields = []
    for name, value in built.items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(element, ensure_ascii=False)}" for element in value)
            fields.append(f" {json.dumps(name)}: [\n{lines}\n ]")
        else:
            fields.append(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def differences(built: dict[str, Any]) -> list[str]:
    """Where a freshly built form differs from its fixture."""
    path = FIXTURES / f"{form_name(built)}.json"
    if not path.exists():
        return ["no fixture; write it with --save"]
    kept = json.loads(path.read_text())
    return [f"{name} differs from the fixture" for name in {*kept, *built} if kept.get(name) != built.get(name)]


def collect(arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """The forms to check, and the builders that failed."""
    if arguments.fixtures:
        return [json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))], []
    target = Path(os.environ.get("FRAMEWORKS_TARGET", ROOT / "target"))
    forms, failed = [], []
    for script in [*sorted(HERE.glob("python/build_*.py")), *sorted(HERE.glob("node/build_*.mjs"))]:
        words = arguments.words
        if words and not any(word in script.name or script.stem[6:].split("_")[0] in word for word in words):
            continue
        try:
            forms += build(script, target)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            failed.append(str(error))
    return forms, failed


def main() -> int:
    """Runs it; the exit status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description="conversations as LLM frameworks serialise them")
    parser.add_argument("--fixtures", action="store_true", help="check the fixtures, without the frameworks")
    parser.add_argument("--save", action="store_true", help="write the fixtures anew")
    parser.add_argument("--brief", action="store_true", help="only count the failed checks of a form")
    parser.add_argument("words", nargs="*", help="only forms whose name contains one of these")
    arguments = parser.parse_args()
    forms, broken = collect(arguments)
    if arguments.words:
        forms = [f for f in forms if any(w in form_name(f) for w in arguments.words)]
    passed, failed = 0, len(broken)
    for error in broken:
        print(f"FAILED  {error}")
    if arguments.save:
        FIXTURES.mkdir(exist_ok=True)
        for built in forms:
            (FIXTURES / f"{form_name(built)}.json").write_text(fixture_text(built))
    with running() as server:
        for built in forms:
            checks = Checks(server, built)
            if not arguments.fixtures:
                checks.record("fixture", differences(built))
            checks.run()
            wrong, total = sum(1 for problems in checks.results.values() if problems), len(checks.results)
            name = f"{built['framework']} {built['version']}: {built['form']}"
            print(f"{'FAILED' if wrong else 'ok':7} {name:64} {total - wrong}/{total} checks")
            if not arguments.brief:
                for check, problems in checks.results.items():
                    for problem in problems[:4]:
                        print(f"          {check}: {problem}")
                    if len(problems) > 4:
                        print(f"          {check}: and {len(problems) - 4} more")
            passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
