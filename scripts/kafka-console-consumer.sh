#!/bin/sh
# Prints records.
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" console-consumer "$@"
