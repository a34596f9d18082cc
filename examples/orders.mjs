// Writes orders and reads them back in a group, with kafkajs:
//
//   node examples/orders.mjs [BOOTSTRAP_SERVER]
import { Kafka, logLevel } from 'kafkajs';

const kafka = new Kafka({
  clientId: 'orders-example',
  brokers: [process.argv[2] ?? 'localhost:9092'],
  logLevel: logLevel.ERROR,
});
const topic = 'example-orders';
const orders = ['tea', 'bread', 'honey'];

const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3 }] });

const producer = kafka.producer({ idempotent: true });
await producer.connect();
await producer.send({ topic, acks: -1, messages: orders.map((value, at) => ({ key: `customer-${at}`, value })) });
await producer.disconnect();

const consumer = kafka.consumer({ groupId: `example-${Date.now()}` });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
const read = new Set();
await new Promise((resolve, reject) => {
  consumer
    .run({
      eachMessage: async ({ partition, message }) => {
        console.log(`partition ${partition}, offset ${message.offset}: ${message.key} orders ${message.value}`);
        read.add(String(message.value));
        if (read.size === orders.length) resolve();
      },
    })
    .catch(reject);
});
await consumer.disconnect();
await admin.deleteTopics({ topics: [topic] });
await admin.disconnect();
