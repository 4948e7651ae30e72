"""The quick look for beginnings misses nothing that a plain search finds."""

from __future__ import annotations

import random
from pathlib import Path

from tests.privacy.beginnings import LENGTH, Beginnings
from tests.privacy.scanner import Canary, scan, spellings


def test_beginnings_are_those_a_plain_search_finds() -> None:
    chance = random.Random(7)
    forms = [chance.randbytes(chance.randint(LENGTH, 30)) for _ in range(3000)]
    forms += [b"ada@example.org", b"1960-04-03", b"abcde", b"abc"]
    content = bytearray(chance.randbytes((2 << 20) + 77))
    for n, form in enumerate(forms[::7] + forms[-4:]):
        at = chance.randrange(len(content) - 40) if n % 50 else (1 << 20) - chance.randint(0, 6)
        content[at : at + len(form)] = form
    content[-LENGTH:] = b"abcde"
    plain = {f[:LENGTH] for f in forms if len(f) >= LENGTH and f[:LENGTH] in content}
    assert len(plain) > 300
    assert Beginnings(forms).of(bytes(content)) == plain


def test_a_content_shorter_than_a_beginning_holds_none() -> None:
    assert Beginnings([b"abcde"]).of(b"abcd") == set()
    assert Beginnings([b"abcde"]).of(b"abcde") == {b"abcde"}


def test_a_canary_is_found_in_a_large_file_in_any_spelling(tmp_path: Path) -> None:
    email = Canary("email", "ada.okafor@example.org")
    noise = random.Random(8).randbytes(300_000)
    for n, form in enumerate(sorted(spellings(email.value))):
        (tmp_path / f"file{n}").write_bytes(noise[:200_000] + form + noise[200_000:])
    found = scan(tmp_path, [email, Canary("surname", "Nobodywhatever")]).found
    assert len(found) == len(list(tmp_path.iterdir())) > 5
    assert {kind for _, kind in found} == {"email"}
