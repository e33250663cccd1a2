#!/bin/sh
# The comparison of digests under memcheck, with the digests marked as undefined.
program=${WINNOW_BUILD:-build/release}/tests/serve/test_key_timing
if ! command -v valgrind >/dev/null; then
    echo "ok 1 - comparing_under_memcheck # SKIP no valgrind"
elif grep -q __asan_init "$program" || grep -q __tsan_init "$program"; then
    echo "ok 1 - comparing_under_memcheck # SKIP a sanitizer is in it"
else
    valgrind -q --error-exitcode=9 "$program"
    exit
fi
echo "1..1"
