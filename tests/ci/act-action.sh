#!/bin/sh
# The action itself, executed by act, from its own repository and from a consumer's. See act-action.py.
exec python3 "$(dirname "$0")/act-action.py" "$@"
