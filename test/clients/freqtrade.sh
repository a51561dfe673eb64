#!/usr/bin/env bash
# Freqtrade in a folder of its own, outside of the project (it is GPL); prints its python. Done once: half a minute, 770 MB.
set -euo pipefail
dir="${STRANDLINE_CACHE_DIR:-$HOME/.cache/strandline}/freqtrade-2026.9"
if [ ! -f "$dir/ready" ]; then
  rm -rf "$dir"
  python3 -m venv "$dir"
  "$dir/bin/pip" install -q --disable-pip-version-check 'freqtrade==2026.9' >&2
  touch "$dir/ready"
fi
echo "$dir/bin/python"
