"""Receipts as the command line writes and reads them: the JSON that the API gives."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import cast

from kb.errors import InvalidInput
from kb.receipts import REMAINING, PublicKey, SigningKey, read_jwk
from kb.store.tenant_deletion import TenantDeletion
from kb.times import rfc3339


def tenant_receipt(deletion: TenantDeletion, key: SigningKey) -> dict[str, object]:
    """The signed receipt of a deleted tenant, as it is now."""
    state = deletion.state
    return key.sign(
        {
            "type": "footnote.tenant_deletion.1",
            **deletion.receipt,
            "deleted_at": _time(state.deleted_at),
            "purge": {
                "status": "complete" if state.purged_at else "running",
                "completed_at": _time(state.purged_at),
                "nodes": state.nodes,
                "absent_nodes": state.absent_nodes,
            },
            "remaining": list(REMAINING),
        }
    )


def read_receipt(path: Path) -> Mapping[str, object]:
    """The receipt in the file: a response of the API or what stands in its `receipt`."""
    sent = _read(path)
    receipt = sent.get("receipt", sent)
    if not isinstance(receipt, dict):
        raise InvalidInput("The file holds no receipt.")
    return cast("Mapping[str, object]", receipt)


def read_keys(path: Path) -> dict[str, PublicKey]:
    """The keys by id in a file: a response of GET /v1/receipts/keys, or one key of it."""
    sent = _read(path)
    listed = sent.get("keys", [sent])
    if not isinstance(listed, list):
        raise InvalidInput("The file holds no keys.")
    keys = [read_jwk(each) for each in listed]
    return {key.id: key for key in keys}


def _read(path: Path) -> dict[str, object]:
    try:
        sent = json.loads(path.read_bytes(), object_pairs_hook=_object)
    except OSError as error:
        raise InvalidInput(f"The file {path.name!r} cannot be read.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The file {path.name!r} is not JSON.") from error
    if not isinstance(sent, dict):
        raise InvalidInput(f"The file {path.name!r} holds no JSON object.")
    return sent


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; with two fields of one name it says one thing here and another elsewhere."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"The file has the field {twice!r} twice.")
    return fields


def _time(moment: datetime | None) -> str | None:
    """As the API writes times."""
    return None if moment is None else rfc3339(moment)
