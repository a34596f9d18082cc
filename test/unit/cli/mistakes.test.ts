/** What people get wrong in their first hour: each mistake is answered with the thing's name and no stack, by every command that meets it. */
import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { main } from '../../../src/cli/main.js';

let dir: string;
let silent: net.Server;
/** Connections that no one answers. */
const held = new Set<net.Socket>();
/** Servers of other protocols: one that answers, one that speaks first, one that hangs up. */
let web: http.Server;
let mail: net.Server;
let rude: net.Server;
/** What the table's words in braces stand for. */
let things: Record<string, string>;
const listeners = new Set<string | symbol>();

const listening = async (server: net.Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

beforeAll(async () => {
  dir = fs.mkdtempSync(`${tmpdir()}/mistakes-`);
  const accepting = (then: (socket: net.Socket) => void): net.Server =>
    net.createServer((socket) => {
      held.add(socket.on('error', () => undefined));
      then(socket);
    });
  silent = accepting(() => undefined);
  mail = accepting((socket) => socket.write('220 mail.example.com ESMTP\r\n'));
  rude = accepting((socket) => socket.end());
  web = http.createServer((_request, response) => response.end('hello'));
  const closed = net.createServer();
  const servers = { silent, web, mail, rude, closed };
  things = { dir };
  for (const [name, server] of Object.entries(servers)) things[name] = await listening(server);
  await new Promise((resolve) => closed.close(resolve));
  fs.writeFileSync(`${dir}/file`, '');
  // Nothing here waits for longer.
  const quick = { 'request.timeout.ms': 300, 'default.api.timeout.ms': 600 };
  write('quick.properties', quick);
  write('no-number.properties', { 'request.timeout.ms': 'soon' });
  write('tls.properties', { 'security.protocol': 'SSL' });
  const server = { 'broker.id': 1, 'log.dirs': `${dir}/data`, 'zookeeper.connection.timeout.ms': 300 };
  for (const zookeeper of ['silent', 'web', 'closed'])
    write(`${zookeeper}-zk.properties`, { ...server, 'zookeeper.connect': things[zookeeper]! });
  write('no-host-zk.properties', { ...server, 'zookeeper.connect': 'nohost.invalid:2181' });
  write('no-zookeeper.properties', { 'broker.id': 1 });
  write('no-number-server.properties', { ...server, 'zookeeper.connect': 'x:1', 'num.partitions': 'many' });
});

afterAll(() => {
  for (const socket of held) socket.destroy();
  for (const server of [silent, web, mail, rude]) server.close();
  web.closeAllConnections();
  fs.rmSync(dir, { recursive: true, force: true });
});

function write(name: string, properties: Record<string, string | number>): void {
  fs.writeFileSync(
    `${dir}/${name}`,
    Object.entries(properties)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
}

// A server listens to the signals and the errors of its process.
beforeEach(() => {
  for (const event of process.eventNames()) listeners.add(event);
});
afterEach(() => {
  for (const event of ['SIGTERM', 'SIGINT', 'SIGHUP', 'uncaughtException', 'unhandledRejection'])
    if (!listeners.has(event)) process.removeAllListeners(event);
});

async function run(line: string): Promise<{ code: number; said: string }> {
  const args = line.split(' ').map((word) => word.replace(/\{([\w-]+)\}/g, (_, name: string) => things[name]!));
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end('a line\n');
  const code = await main(args, { stdout, stderr, stdin, env: {}, colour: false });
  const text = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? '');
  return { code, said: text(stdout) + text(stderr) };
}

const QUICK = '--command-config {dir}/quick.properties';
const TOOLS = {
  topics: 'topics --list',
  configs: 'configs --describe --entity-type topics',
  'get-offsets': 'get-offsets',
};
const each = (line: (tool: string) => string, says: RegExp, code = 1): [string, RegExp, number][] =>
  Object.values(TOOLS).map((tool) => [line(tool), says, code]);

describe('a mistake', () => {
  test.each<[string, RegExp, number]>([
    // A host without an address, nothing at the port, no Kafka there, and what does not answer at all.
    ...each((tool) => `${tool} --bootstrap-server nohost.invalid:9092`, /No resolvable bootstrap urls/),
    ...each((tool) => `${tool} --bootstrap-server {closed} ${QUICK}`, /127.0.0.1:\d+\) could not be established/),
    ...each((tool) => `${tool} --bootstrap-server {web}`, /127.0.0.1:\d+ does not answer in Kafka's protocol/),
    ...each((tool) => `${tool} --bootstrap-server {mail}`, /127.0.0.1:\d+ does not answer in Kafka's protocol/),
    ...each((tool) => `${tool} --bootstrap-server {silent} ${QUICK}`, /to 127.0.0.1:\d+ timed out.*Is it the port/),
    ...each((tool) => `${tool} --bootstrap-server {rude} ${QUICK}`, /to 127.0.0.1:\d+ failed: closed.*Is it the port/),
    ...each((tool) => `${tool} --bootstrap-server nonsense`, /Invalid url in bootstrap.servers: nonsense/),
    ...['--list', '--describe --group g', '--delete --group g', '--describe --all-groups'].flatMap(
      (action): [string, RegExp, number][] => [
        [
          `consumer-groups ${action} --bootstrap-server {silent} --timeout 300`,
          /127.0.0.1:\d+ timed out.*Is it the port/,
          0,
        ],
        [
          `consumer-groups ${action} --bootstrap-server {rude} --timeout 300`,
          /127.0.0.1:\d+ failed.*Is it the port/,
          0,
        ],
        [`consumer-groups ${action} --bootstrap-server {web}`, /127.0.0.1:\d+ does not answer in Kafka's protocol/, 0],
      ],
    ),
    ['consumer-groups --list --bootstrap-server {silent} --timeout 300', /Failed to find brokers/, 0],
    ['console-consumer --topic t --bootstrap-server nohost.invalid:9092', /No resolvable bootstrap urls/, 1],
    ['console-consumer --topic t --partition 0 --timeout-ms 200 --bootstrap-server {silent}', /TimeoutException/, 0],
    ['console-producer --topic t --bootstrap-server nohost.invalid:9092', /No resolvable bootstrap urls/, 1],
    [
      'console-producer --topic t --max-block-ms 300 --bootstrap-server {silent}',
      /Topic t not present in metadata: .*127.0.0.1:\d+ timed out.*Is it the port/,
      1,
    ],
    ['console-consumer --topic t --bootstrap-server {web}', /127.0.0.1:\d+ does not answer in Kafka's protocol/, 1],
    ['console-consumer --topic t --bootstrap-server {rude} --timeout-ms 300', /to node -1 \(127.0.0.1/, 0],
    ...['rude', 'closed', 'web'].map((port): [string, RegExp, number] => [
      `console-producer --topic t --bootstrap-server {${port}} --max-block-ms 300`,
      port === 'closed' ? /127.0.0.1:\d+ failed: .*ECONNREFUSED/ : /127.0.0.1:\d+ .*Is it the port/,
      1,
    ]),
    ['console-producer --topic t --bootstrap-server nonsense', /Invalid url in bootstrap.servers: nonsense/, 1],
    // The same of ZooKeeper.
    ['server start {dir}/closed-zk.properties', /no session with ZooKeeper at 127.*ECONNREFUSED/, 1],
    ['server start {dir}/web-zk.properties', /no session with ZooKeeper at 127.*cannot be read/, 1],
    ['server start {dir}/silent-zk.properties', /no session with ZooKeeper at 127.*does not answer/, 1],
    [
      'server start {dir}/no-host-zk.properties',
      /no session with ZooKeeper at nohost.invalid:2181.*(ENOTFOUND|EAI_)/,
      1,
    ],
    // Files.
    ['server start {dir}/nope', /nope: there is no such file/, 1],
    ['server start {dir}', /it is a directory/, 1],
    ['server start {dir}/no-zookeeper.properties', /zookeeper.connect/, 1],
    ['server start {dir}/no-number-server.properties', /many.*num.partitions|num.partitions.*many/, 1],
    ...each((tool) => `${tool} --bootstrap-server {closed} --command-config {dir}/nope`, /nope: there is no such file/),
    ...each((tool) => `${tool} --bootstrap-server {closed} --command-config {dir}`, /it is a directory/),
    ...each((tool) => `${tool} --bootstrap-server {closed} --command-config {dir}/tls.properties`, /only PLAINTEXT/),
    ...each(
      (tool) => `${tool} --bootstrap-server {closed} --command-config {dir}/no-number.properties`,
      /Invalid value soon for configuration request.timeout.ms/,
    ),
    [
      'console-consumer --topic t --bootstrap-server {closed} --consumer.config {dir}/nope',
      /nope: there is no such/,
      1,
    ],
    [
      'console-producer --topic t --bootstrap-server {closed} --producer.config {dir}/nope',
      /nope: there is no such/,
      1,
    ],
    ['dump-log --files {dir}/00000000000000000000.log', /00000000000000000000.log/, 1],
    // Numbers, options and words.
    ['topics --create --topic t --partitions x --bootstrap-server {closed}', /command : Cannot parse argument 'x'/, 1],
    ['console-consumer --topic t --max-messages x --bootstrap-server {closed}', /Cannot parse argument 'x'/, 1],
    ['console-producer --topic t --batch-size x --bootstrap-server {closed}', /Cannot parse argument 'x'/, 1],
    ['consumer-groups --list --timeout x --bootstrap-server {closed}', /Cannot parse argument 'x'/, 1],
    ['dump-log --max-bytes x --files {dir}/00000000000000000000.log', /Cannot parse argument 'x'/, 1],
    ...Object.keys(TOOLS)
      .concat('console-consumer', 'console-producer', 'consumer-groups', 'dump-log', 'server start')
      .map((tool): [string, RegExp, number] => [`${tool} --nonsense`, /nonsense is not a recognized option/, 1]),
    ['server await', /await needs host:port/, 1],
    ['server await --nonsense', /nonsense is not a recognized option/, 1],
    ['server await nonsense', /Invalid url in bootstrap.servers: nonsense/, 1],
    ['server await {closed} extra', /Found non argument parameters: extra/, 1],
    ['server stop extra', /stop takes no extra/, 1],
    ['server start a.properties b.properties', /Found non argument parameters: b.properties/, 1],
    ['server start a.properties --override nonsense', /property=value, not 'nonsense'/, 1],
    ['server nonsense', /^USAGE/, 1],
    ['protocol nonsense', /has no 'nonsense'/, 1],
    ['protocol decode extra', /takes no extra/, 1],
    ['protocol', /needs a subcommand/, 1],
    ...['cluster', 'ensemble'].flatMap((command): [string, RegExp, number][] => [
      [`${command} nonsense`, /there is no command 'nonsense'.*--help/, 1],
      [`${command} start --nonsense`, /start takes no --nonsense/, 1],
      [`${command} start extra`, /start takes no extra/, 1],
      [`${command} start --base-port`, /--base-port needs a value/, 1],
      [`${command} start --base-port x --dir {dir}/none`, /--base-port needs 1024 to \d+, not x/, 1],
      [`${command} start --dir {dir}/file`, /file is not a directory/, 1],
      [`${command} status --dir {dir}/none`, /no (cluster|ensemble) in .*none; start one with: /, 1],
      [`${command} kill 1 --dir {dir}/none`, /no (cluster|ensemble) in .*none; start one with: /, 1],
    ]),
    ['cluster start --config {dir}/nope --dir {dir}/none', /nope: there is no such file/, 1],
    ['cluster start --config {dir} --dir {dir}/none', /it is a directory/, 1],
    ['demo-failover nonsense', /takes no arguments/, 1],
  ])('%s', async (line, says, code) => {
    const result = await run(line);
    expect(result.said).toMatch(says);
    expect(result.said).not.toMatch(/^\s+at /m);
    expect(result.code).toBe(code);
  });

  test.each([
    ...Object.keys(TOOLS).concat('console-consumer', 'console-producer', 'consumer-groups', 'dump-log', 'server'),
    ...['server await', 'protocol', 'demo-failover', 'cluster', 'cluster start', 'ensemble', 'ensemble start'],
  ])('is not made by who asks %s for --help', async (tool) => {
    const { said } = await run(`${tool} --help`);
    expect(said).toMatch(
      /^(USAGE|Usage|This tool|demo-failover takes|An interactive shell|A whole cluster|Runs a ZooKeeper)/,
    );
    expect(said).not.toMatch(/not a recognized|has no/);
  });
});
