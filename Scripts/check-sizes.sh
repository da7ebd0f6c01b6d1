#!/usr/bin/env bash
# Files stay small: a warning above 500 lines, a failure above 800; generated files are exempt.
set -eu
cd "$(dirname "$0")/.."
status=0
while IFS= read -r file; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 800 ]; then
        echo "error: $file has $lines lines, at most 800 are allowed" >&2
        status=1
    elif [ "$lines" -gt 500 ]; then
        echo "warning: $file has $lines lines, aim at 300" >&2
    fi
done < <(git ls-files 'Sources/*' 'Tests/*.swift' 'Scripts/*' | grep -v Generated)
exit $status
