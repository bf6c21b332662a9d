#!/usr/bin/env python3
"""Looks for secrets and tokens, in every form they could have, in files and directories.

usage: examples-leaks.py TENANT-DIRECTORY PATH...          exit 1 names each leak
       examples-leaks.py TENANT-DIRECTORY --plant DIRECTORY  writes one leaking file a form, for the test of the test
"""
import base64
import json
import pathlib
import sys
import urllib.parse


def base64_forms(value):
    """Base64 of the value wherever it stands in a longer text: three alignments, both alphabets."""
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + value)
        # Characters that depend on the neighbours are left away.
        core = text[(shift * 8 + 5) // 6:]
        core = core[: len(value) * 8 // 6 - 2]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def forms(value):
    plain = value.encode()
    yield "plain", plain
    yield "json", json.dumps(value)[1:-1].encode()
    yield "xml", value.replace("&", "&amp;").encode()
    for safe in ("", "$", "!", "$!", "-_.!~*'()"):
        quoted = urllib.parse.quote(value, safe=safe)
        yield "url", quoted.encode()
        yield "url", quoted.lower().encode()
        yield "url twice", urllib.parse.quote(quoted, safe="").encode()
    for form in base64_forms(plain):
        yield "base64", form
        yield "base64 in a url", urllib.parse.quote(form, safe="").encode()
    for form in base64_forms(urllib.parse.quote(value, safe="").encode()):
        yield "base64 of url", form
    yield "hex", plain.hex().encode()
    yield "reversed", plain[::-1]
    # A cut secret is a leak too.
    yield "first half", plain[: len(plain) // 2]
    yield "second half", plain[len(plain) // 2:]


def needles(tenant):
    found = {}
    for kind in ("secrets", "tokens"):
        for value in (tenant / kind).read_text().split("\n"):
            if not value:
                continue
            for name, needle in forms(value):
                if len(needle) >= 12:
                    found[needle] = f"{kind[:-1]}, {name}"
    # No JSON web token of anybody: base64 of {"alg": or {"typ":
    found[b"eyJhbGciOi"] = "a token"
    return found


def files(paths):
    for path in map(pathlib.Path, paths):
        if not path.exists():
            sys.exit(f"{path} does not exist, nothing was searched")
        yield from (one for one in ([path] if path.is_file() else path.rglob("*")) if one.is_file())


def main():
    tenant = pathlib.Path(sys.argv[1])
    wanted = needles(tenant)
    if sys.argv[2] == "--plant":
        target = pathlib.Path(sys.argv[3])
        target.mkdir()
        secret = (tenant / "secrets").read_text().split("\n")[0]
        client = (tenant / "client").read_text()
        for name, text in {
            "plain": secret,
            "basic-header": base64.b64encode(f"{client}:{secret}".encode()).decode(),
            "key-in-base64": base64.b64encode((tenant / "key.json").read_bytes()).decode(),
            "url-encoded": urllib.parse.quote(secret, safe=""),
            "half": secret[len(secret) // 2:],
            "token": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        }.items():
            (target / name).write_text(f"before {text} after\n")
        return
    leaks = count = 0
    for file in files(sys.argv[2:]):
        count += 1
        content = file.read_bytes()
        for needle, what in wanted.items():
            if needle in content:
                leaks += 1
                print(f"LEAK  {what} in {file}", file=sys.stderr)
    if not count:
        sys.exit("nothing was searched")
    sys.exit(1 if leaks else 0)


main()
