#!/bin/sh
# Tells every broker of this machine to stop.
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" server stop "$@"
