#!/bin/sh
# Lists, describes, resets and deletes consumer groups.
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" consumer-groups "$@"
