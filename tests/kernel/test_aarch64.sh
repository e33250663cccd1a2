#!/bin/sh
# The kernel tests on an emulated aarch64 processor: on one that has every level, then on lesser
# ones, where detection has to fall back and nothing may run that they do not have.
set -u
tests=build/aarch64/static
for needed in aarch64-linux-gnu-gcc qemu-aarch64; do
    if ! command -v "$needed" >/dev/null; then
        echo "ok 1 - kernels of aarch64 # SKIP no $needed"
        exit 0
    fi
done
status=0
export WINNOW_TEST_EMULATED=1

# on PROCESSOR BEST-LEVEL TEST...
on() {
    processor=$1 best=$2
    shift 2
    for name in "$@"; do
        out=$(WINNOW_TEST_BEST=$best qemu-aarch64 -cpu "$processor" "$tests/$name" 2>&1) || status=1
        echo "$out" | sed "s/^\(ok\|not ok\) \([0-9]*\) - /\1 \2 - $processor /"
    done
}

every=$(basename -s .c tests/kernel/test_*.c)
on max neon-bf16 $every
WINNOW_TEST_LEVEL=neon on cortex-a57 neon $every
WINNOW_TEST_LEVEL=dotprod on neoverse-n1 dotprod $every
exit $status
