#!/usr/bin/env bash
# Confluent's Python client in a folder of its own; prints its python. Done once.
set -euo pipefail
dir="${STRANDLINE_CACHE_DIR:-$HOME/.cache/strandline}/confluent-python-2.16.1"
if [ ! -f "$dir/ready" ]; then
  rm -rf "$dir"
  python3 -m venv "$dir"
  "$dir/bin/pip" install -q --disable-pip-version-check 'confluent-kafka==2.16.1' fastavro httpx attrs cachetools authlib certifi >&2
  touch "$dir/ready"
fi
echo "$dir/bin/python"
