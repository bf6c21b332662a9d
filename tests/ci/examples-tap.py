#!/usr/bin/env python3
"""Runs `flowship sandbox` and stands before it as a plain forwarder that notes every access token it sees.

usage: examples-tap.py BINARY DIRECTORY [sandbox options]

Writes into DIRECTORY: key.json (a service key that leads here), wrong-key.json (the same with another secret),
secrets (what must never be seen), tokens (one a line, as they are issued), ready (the address).
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

TOKEN = re.compile(rb'"access_token"\s*:\s*"([^"]+)"')


def main():
    binary, directory, options = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    sandbox = subprocess.Popen([binary, "sandbox", *options], stdout=subprocess.PIPE, text=True,
                               env={"PATH": os.environ["PATH"]})
    signal.signal(signal.SIGTERM, lambda *_: (sandbox.terminate(), os._exit(0)))
    shown = {}
    for line in sandbox.stdout:
        name, _, value = line.rstrip("\n").partition("=")
        shown[name] = value
        if name == "CPI_SERVICE_KEY":
            break
    if "CPI_SERVICE_KEY" not in shown:
        sys.exit("the sandbox printed no key")
    target = shown["CPI_URL"]
    port = int(target.rsplit(":", 1)[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    here = f"http://127.0.0.1:{listener.getsockname()[1]}"
    key = shown["CPI_SERVICE_KEY"].replace(target, here)
    wrong = json.loads(key)
    wrong["oauth"]["clientsecret"] = "f00dbabe-0000-4000-8000-" + "wrongwrong00$" + "X" * 40 + "="
    (directory / "key.json").write_text(key)
    (directory / "wrong-key.json").write_text(json.dumps(wrong))
    secrets = [json.loads(key)["oauth"]["clientsecret"], wrong["oauth"]["clientsecret"]]
    (directory / "secrets").write_text("\n".join(secrets) + "\n")
    (directory / "client").write_text(json.loads(key)["oauth"]["clientid"])
    tokens = (directory / "tokens").open("ab", buffering=0)
    (directory / "ready.new").write_text(here)
    (directory / "ready.new").rename(directory / "ready")
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, port, tokens), daemon=True).start()


def serve(client, port, tokens):
    server = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pump, args=(client, server, None), daemon=True).start()
    pump(server, client, tokens)


def pump(source, sink, tokens):
    """Forwards; every token is noted before its last byte goes on."""
    seen = b""
    noted = set()
    try:
        while data := source.recv(65536):
            if tokens is not None:
                seen = (seen + data)[-200_000:]
                for token in TOKEN.findall(seen):
                    if token not in noted:
                        noted.add(token)
                        tokens.write(token + b"\n")
            sink.sendall(data)
    except OSError:
        pass
    for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            end.shutdown(how)
        except OSError:
            pass


main()
