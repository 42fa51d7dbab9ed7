"""Reads the report of the Autobahn suite and says whether the server passed.

    check.py REPORT_DIR

A case passes when both of its verdicts, on the behaviour and on the close, are OK, or are one that the suite gives to
behaviour which the RFC allows: NON-STRICT and INFORMATIONAL. These are listed, since a strict server has none. A case that
is missing from the report, or that the suite could not try (UNIMPLEMENTED), fails.
"""

import collections
import json
import pathlib
import sys

ALLOWED = {"OK", "NON-STRICT", "INFORMATIONAL"}


def main(folder: pathlib.Path) -> int:
    try:
        asked: list[str] = json.loads((folder / "cases.json").read_text())
        (results,) = json.loads((folder / "index.json").read_text()).values()
    except (FileNotFoundError, ValueError) as error:
        print(f"no report of the suite: {error}")
        print("0 passed, 1 failed")
        return 1

    counts: collections.Counter[str] = collections.Counter()
    for case in asked:
        result = results.get(case)
        verdicts = {result["behavior"], result["behaviorClose"]} if result else {"NOT RUN"}
        counts["passed" if verdicts <= ALLOWED else "failed"] += 1
        if verdicts == {"OK"}:
            continue
        allowed = "allowed" if verdicts <= ALLOWED else "FAILED "
        detail = f"{folder / result['reportfile']}" if result else "the suite ended before it"
        print(f"{allowed} {case:10} {', '.join(sorted(verdicts - {'OK'}))}: {detail}")

    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 0 if asked and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
