#!/bin/sh
# Starts a broker: kafka-server-start.sh [-daemon] server.properties [--override property=value]*
exec "$(dirname "$(readlink -f "$0")")/../bin/ottla" server start "$@"
