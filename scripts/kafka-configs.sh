#!/bin/sh
# Describes and alters the configurations of topics and brokers.
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" configs "$@"
