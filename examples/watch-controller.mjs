// Tells who is the controller, and each time another broker becomes it, with node-zookeeper-client:
//
//   node examples/watch-controller.mjs [CONNECT_STRING]
//
// Kill the broker that it names and watch. Ctrl-C ends it.
import zookeeper from 'node-zookeeper-client';

const client = zookeeper.createClient(process.argv[2] ?? 'localhost:9192/kafka');

function look() {
  // The watch tells of one change; whoever looks again sets the next.
  client.exists('/controller', look, (error, stat) => {
    if (error) throw error;
    if (!stat) return console.log('there is no controller; the brokers race for /controller');
    client.getData('/controller', (failure, data) => {
      if (failure) return; // Gone meanwhile, which the watch tells.
      const { brokerid, timestamp } = JSON.parse(data.toString('utf8'));
      console.log(`broker ${brokerid} is the controller since ${new Date(Number(timestamp)).toISOString()}`);
    });
  });
}

client.once('connected', look);
process.once('SIGINT', () => client.close());
client.connect();
