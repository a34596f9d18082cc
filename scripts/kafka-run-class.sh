#!/bin/sh
# Runs a tool by the name of Kafka's class: kafka-run-class.sh kafka.tools.DumpLogSegments --files …
ottla="$(dirname "$(readlink -f "$0")")/../bin/ottla"
class=${1:-}
[ $# -eq 0 ] || shift
case $class in
  kafka.Kafka) exec "$ottla" server start "$@" ;;
  kafka.admin.TopicCommand) exec "$ottla" topics "$@" ;;
  kafka.admin.ConfigCommand) exec "$ottla" configs "$@" ;;
  kafka.admin.ConsumerGroupCommand) exec "$ottla" consumer-groups "$@" ;;
  kafka.tools.ConsoleProducer) exec "$ottla" console-producer "$@" ;;
  kafka.tools.ConsoleConsumer) exec "$ottla" console-consumer "$@" ;;
  kafka.tools.DumpLogSegments) exec "$ottla" dump-log "$@" ;;
  kafka.tools.GetOffsetShell) exec "$ottla" get-offsets "$@" ;;
  '') echo "USAGE: $0 classname [opts]" >&2; exit 1 ;;
  *) echo "Error: Could not find or load main class $class" >&2; exit 1 ;;
esac
