"""Reads a topic to its end with Confluent's own Python client and its Avro deserializer; one JSON object a record on standard output."""
import json
import sys
import warnings

warnings.filterwarnings("ignore")
from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: E402
from confluent_kafka.schema_registry.avro import AvroDeserializer  # noqa: E402
from confluent_kafka.serialization import MessageField, SerializationContext  # noqa: E402

brokers, registry, topic = sys.argv[1:4]
decode = AvroDeserializer(SchemaRegistryClient({"url": registry}))
consumer = Consumer({"bootstrap.servers": brokers, "group.id": "confluent-python", "enable.auto.commit": False, "auto.offset.reset": "earliest"})
partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[1] for p in partitions}
consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
reached = {p: 0 for p in partitions}
while any(reached[p] < ends[p] for p in partitions):
    message = consumer.poll(20)
    if message is None or message.error():
        sys.exit(f"no message: {message.error() if message else 'timeout'}")
    reached[message.partition()] = message.offset() + 1
    value = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
    headers = {k: (v or b"").decode() for k, v in message.headers() or []}
    print(json.dumps({"key": message.key().decode(), "value": value, "headers": headers}, default=lambda t: int(t.timestamp() * 1000)))
consumer.close()
