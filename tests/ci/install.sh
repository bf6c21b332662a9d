#!/bin/sh
# The action's script against a release server on loopback. See install.py.
exec python3 "$(dirname "$0")/install.py" "$@"
