"""`make contract`: every scenario against each vendor's test system, whose traces are kept; without access, against the sandboxes alone.

STRIPE_TEST_KEY=sk_test_… make contract

Ends with 1 where the vendor says something else than its sandbox does. Traces: tests/payment/contract/traces.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.payment.contract.scenarios import Scenario, Story
from tests.payment.contract.traces import differences, trace
from tests.payment.contract.vendors import Ask, signed, vendors

TRACES = Path(__file__).parent / "traces"
Trace = list[dict[str, Any]]


async def played(ask: Ask, scenario: Scenario) -> Trace:
    async with ask() as asked:
        await scenario(Story(asked.psp, asked.payer, asked.messages, signed))
        return trace(asked.recorder.exchanges)


def text(steps: Trace) -> str:
    return json.dumps(steps, indent=1, ensure_ascii=False) + "\n"


async def main() -> int:
    wrong = 0
    for vendor in vendors():
        for scenario in vendor.scenarios:
            ours = await played(vendor.sandbox, scenario)
            if vendor.itself is None:
                print(f"{vendor.name:16} {scenario.__name__:32} sandbox: {len(ours)} calls")
                continue
            theirs = await played(vendor.itself, scenario)
            _keep(TRACES / vendor.name / "vendor" / f"{scenario.__name__}.json", theirs)
            found = list(differences(ours, theirs))
            wrong += len(found)
            print(f"{vendor.name:16} {scenario.__name__:32} {len(theirs)} calls, {len(found)} differences")
            for one in found:
                print(f"    {one}")
        if vendor.itself is None:
            print(f"{vendor.name:16} never run against the vendor: {vendor.wants} is not set")
        else:
            print(
                f"{vendor.name:16} run against the vendor on {datetime.now(UTC).date()}; say so in docs/guarantees.md"
            )
    return 1 if wrong else 0


def _keep(file: Path, steps: Trace) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text(steps), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
