"""Checks the list of parts of the static Linux binary: complete, with licence and hash, without a path of this machine."""

import json
import pathlib
import sys

directory, fewest, checkout = sys.argv[1:]
(path,) = pathlib.Path(directory).glob("*x86_64-unknown-linux-musl.cdx.json")
text = path.read_text()
required = [part for part in json.loads(text)["components"] if part["scope"] == "required"]
bare = [part["name"] for part in required if not part.get("licenses") or not part.get("hashes")]
if bare or checkout in text or len(required) < int(fewest):
    sys.exit(f"FAILED: {path.name}: {len(required)} parts where cargo counts {fewest}, without licence or hash: {bare}")
print(f"{len(required)} parts, each with licence and hash")
