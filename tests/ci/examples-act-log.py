#!/usr/bin/env python3
"""Splits act's JSON log: jobs/NAME (result), text (what steps printed), outputs, annotations, summary.md.

usage: examples-act-log.py LOG DIRECTORY
"""
import html
import json
import pathlib
import sys

log, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
(out / "jobs").mkdir(exist_ok=True)
text, outputs, annotations, summary = [], [], [], []
for line in log.read_text(errors="replace").splitlines():
    try:
        event = json.loads(line)
    except ValueError:
        text.append(line)
        continue
    if "jobResult" in event:
        (out / "jobs" / event["jobID"]).write_text(event["jobResult"])
    command = event.get("command")
    if command in ("error", "warning", "notice"):
        pairs = event.get("kvPairs") or {}
        annotations.append(f"{command} {pairs.get('file', '')}:{pairs.get('line', '')} {event.get('arg', '')}")
    elif command == "summary":
        # As a reader sees it: without the entities that keep Markdown quiet.
        summary.append(html.unescape(event.get("content", "")))
    elif command == "set-output":
        outputs.append(f"{event.get('name')}={event.get('arg')}")
    text.append(event.get("msg", "").rstrip("\n"))
for name, lines in {"text": text, "outputs": outputs, "annotations": annotations, "summary.md": summary}.items():
    (out / name).write_text("\n".join(lines) + "\n")
