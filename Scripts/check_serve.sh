#!/usr/bin/env bash
# The quick checks of `skein serve` with what others wrote: OpenAI's client, jsonschema, wrk, schemathesis and the
# page in headless Chromium. Sets itself up: a Python environment in .build/verify, and Debian's packages where it
# may install. What cannot be had is said and left out; what fails, fails.
#
#   Scripts/check_serve.sh [SKEIN] [REQUESTS]
set -euo pipefail
cd "$(dirname "$0")/.."
skein=$(realpath "${1:-.build/release/skein}")
requests=${2:-300}
environment=$PWD/.build/verify

install() {  # Debian packages, where this user may
    local sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    command -v apt-get >/dev/null && { [ -z "$sudo" ] || $sudo true 2>/dev/null; } || return 1
    $sudo apt-get update -qq >/dev/null && $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v wrk >/dev/null || missing+=(wrk)
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    install "${missing[@]}" || echo "cannot install ${missing[*]}"
fi
if [ ! -x "$environment/bin/schemathesis" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install -q --disable-pip-version-check \
        openai==3.57.0 jsonschema==4.26.0 schemathesis==4.32.5 websockets==17.4
fi

"$environment/bin/python" Scripts/verify_server.py --skein "$skein" --requests "$requests"

log=$(mktemp)
"$skein" serve --port 0 --draft-max 8 --log-level error 2>"$log" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 400); do
    base=$(grep -o 'http://.*' "$log" || true)
    [ -n "$base" ] && python3 -c "import urllib.request; urllib.request.urlopen('$base/health')" 2>/dev/null && break
    sleep 0.05
done

# Every documented operation with generated requests: none may end in a 5xx. /steps never ends.
(cd .build && "$environment/bin/schemathesis" run "$base/openapi.yaml" -c not_a_server_error \
    --exclude-path /steps --max-examples 15 --seed 1 --no-color) | tail -n 12

if command -v chromium >/dev/null; then
    "$environment/bin/python" Scripts/check_page.py "$base" --screenshot .build/page.png
else
    echo "skipped: no chromium for the page"
fi
kill $server
wait $server
