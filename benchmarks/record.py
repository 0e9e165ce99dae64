"""Where benchmarks write what they found: results.json and docs/performance.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "performance.md"


def record(key: str, found: dict[str, Any]) -> dict[str, Any]:
    """Put what was found under its key, beside what is there; returns all that is under it."""
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[key] = {**results.get(key, {}), **found}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return results[key]


def show(name: str, text: str) -> None:
    """Put a text between the page's marks of that name."""
    opening, closing = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = PAGE.read_text().partition(opening)
    _, _, after = rest.partition(closing)
    PAGE.write_text(f"{before}{opening}\n{text}\n{closing}{after}")
