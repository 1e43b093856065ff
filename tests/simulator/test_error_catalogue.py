from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

import simulator
from simulator.error_catalogue import refusal

FOLDER = Path(simulator.__file__).parent
TABLES = {path.stem: json.loads(path.read_text("utf-8")) for path in (FOLDER / "errors").glob("*.json")}


@pytest.mark.parametrize("product", sorted(TABLES))
def test_every_entry_has_an_error_status_and_a_fault(product: str) -> None:
    """A status that begins with 5 is the server's fault."""
    for codes in TABLES[product].values():
        for code, (status, fault, message) in codes.items():
            assert 400 <= status < 600, code
            assert fault in (("server",) if status >= 500 else ("request", "server")), code
            assert isinstance(message, str), code


def test_no_code_is_in_two_tables() -> None:
    """A fault names a code without its product."""
    times = Counter(code for tables in TABLES.values() for code in tables["*"])
    assert [code for code, count in times.items() if count > 1] == []


def test_the_embedded_cloud_answers_with_codes_of_the_catalogue() -> None:
    """Every literal code in the source has an entry."""
    known = {code for tables in TABLES.values() for codes in tables.values() for code in codes}
    used = {
        call.args[0].value
        for path in FOLDER.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "refusal" and call.args
        if isinstance(call.args[0], ast.Constant)
    }
    assert len(used) > 100
    assert used - known == set()


def test_an_action_has_its_own_status_where_the_documents_differ() -> None:
    """IncorrectInstanceStatus is 400 for CreateImage and 403 elsewhere."""
    general, own = refusal("IncorrectInstanceStatus"), refusal("IncorrectInstanceStatus", action="CreateImage")
    assert (general.status, own.status) == (403, 400)


def test_a_code_without_an_entry_is_a_bad_request() -> None:
    """A message of the caller's goes before that of the catalogue."""
    assert str(refusal("Invented")) == "400 Invented: The request was refused: Invented."
    assert str(refusal("NoSuchKey", "gone")) == "404 NoSuchKey: gone"
