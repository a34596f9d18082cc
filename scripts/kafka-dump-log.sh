#!/bin/sh
# Prints the files of a log directory.
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" dump-log "$@"
