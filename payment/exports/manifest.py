"""What a batch holds, for whoever receives it: numbers, control totals, SHA-256 of each file, and the root of the books' chain. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256

from payment.exports.model import MONEY_KINDS, Day, File, Item, ItemKind
from payment.exports.rows import accounts, sum_of

NAME = "manifest.json"
VERSION = 1


def written(day: Day, listed: Iterable[Item], files: Sequence[File]) -> bytes:
    """JSON in UTF-8, keys in a fixed order; amounts in cents."""
    listed = list(listed)
    numbers = [voucher.number for voucher in day.vouchers]
    content = {
        "manifest": VERSION,
        "batch": day.batch,
        "business_day": day.business_day.isoformat(),
        "closed_at": day.closed_at.isoformat(),
        "currency": day.currency,
        "ledger_root_sha256": day.root_sha256.hex(),
        "vouchers": len(numbers),
        "items": len(listed),
        "first_voucher": min(numbers, default=None),
        "last_voucher": max(numbers, default=None),
        "sums": {
            **{f"{kind}_cents": sum_of(listed, kind) for kind in ItemKind},
            "net_cents": sum_of(listed, *MONEY_KINDS),
        },
        "accounts": [
            {"account": account, "debit_cents": debit, "credit_cents": credit}
            for account, debit, credit in accounts(day)
        ],
        "files": [
            {
                "name": file.name,
                "format": file.format,
                "rows": file.rows,
                "sum_cents": file.sum_cents,
                "bytes": len(file.content),
                "sha256": sha256(file.content).hexdigest(),
            }
            for file in files
        ],
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
