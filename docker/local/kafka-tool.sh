#!/bin/sh
# kafka-topics.sh, kafka-consumer-groups.sh and kafka-configs.sh: Kafka's own commands, chosen by the name this is called by.
case $(basename "$0") in
  kafka-topics.sh) main=org.apache.kafka.tools.TopicCommand ;;
  kafka-consumer-groups.sh) main=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
  kafka-configs.sh) main=kafka.admin.ConfigCommand ;;
esac
exec java -Xmx256m -cp '/opt/kafka/libs/*' "$main" "$@"
