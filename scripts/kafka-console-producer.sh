#!/bin/sh
# Sends the lines of its input.
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" console-producer "$@"
