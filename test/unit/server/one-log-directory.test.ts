/** The trouble of one log directory among several, on real files: the broker starts without it, or with it, as Kafka 3.6.1 does. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import {
  nodeFileSystem,
  nodeTransport,
  silentLogger,
  systemClock,
  systemRandom,
  type FileSystem,
} from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { Broker } from '../../../src/server/index.js';
import { EmbeddedZooKeeper } from '../../../src/zookeeper/index.js';

const TOPIC_ID = 'sx7Ghl93TiaCGaLSE2wsQw';
let zooKeeper: EmbeddedZooKeeper;
let connect: string;
let root: string;
let broker: Broker | null = null;
beforeAll(async () => {
  zooKeeper = new EmbeddedZooKeeper({ clock: systemClock, random: systemRandom, logger: silentLogger });
  const { endpoint } = await zooKeeper.listen(nodeTransport, { host: '127.0.0.1', port: 0 });
  connect = `127.0.0.1:${endpoint.port}`;
});
afterAll(() => zooKeeper.close());
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/one-log-directory-`);
  mkdirSync(`${root}/a`);
});
afterEach(async () => {
  await broker?.shutdown();
  broker = null;
  rmSync(root, { recursive: true, force: true });
});

let lastId = 0;
async function start(fs: FileSystem = nodeFileSystem): Promise<Broker> {
  const properties = {
    'broker.id': String(++lastId),
    'zookeeper.connect': connect,
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'log.dirs': `${root}/a,${root}/b`,
  };
  broker = new Broker({
    config: BrokerConfig.parse(new Map(Object.entries(properties))).config,
    loggerFactory: () => silentLogger,
    clock: systemClock,
    random: systemRandom,
    fs,
    transport: nodeTransport,
  });
  await broker.startup();
  return broker;
}

const offline = (started: Broker): readonly string[] => started.services!.logs.offlineLogDirs;

function partition(metadata: string): void {
  mkdirSync(`${root}/b/orders-0`, { recursive: true });
  writeFileSync(`${root}/b/orders-0/partition.metadata`, metadata);
}

function failing(operation: 'readDir' | 'replaceFile' | 'lock', code: string): FileSystem {
  const fail = (path: string): void => {
    if (!path.startsWith(`${root}/b`)) return;
    throw Object.assign(new Error(`${code}: ${operation} ${path}`), { code, syscall: operation });
  };
  return {
    ...nodeFileSystem,
    readDir: (dir) => {
      if (operation === 'readDir') fail(dir);
      return nodeFileSystem.readDir(dir);
    },
    lock: (path) => {
      if (operation === 'lock') fail(path);
      return nodeFileSystem.lock(path);
    },
    replaceFile: (path, content) => {
      if (operation === 'replaceFile') fail(path);
      nodeFileSystem.replaceFile(path, content);
    },
  };
}

test.each<{ title: string; prepare: () => void; fs?: () => FileSystem }>([
  { title: 'is a file', prepare: () => writeFileSync(`${root}/b`, '') },
  { title: 'cannot be listed', prepare: () => mkdirSync(`${root}/b`), fs: () => failing('readDir', 'EIO') },
  { title: 'cannot be locked', prepare: () => mkdirSync(`${root}/b`), fs: () => failing('lock', 'ENOLCK') },
  { title: 'has a malformed partition.metadata', prepare: () => partition('malformed\n') },
  {
    title: 'cannot take its meta.properties',
    prepare: () => mkdirSync(`${root}/b`),
    fs: () => failing('replaceFile', 'ENOSPC'),
  },
])('a broker starts without the log directory that $title', async ({ prepare, fs }) => {
  prepare();
  expect(offline(await start(fs?.()))).toEqual([`${root}/b`]);
});

test.each<{ title: string; prepare: () => void }>([
  { title: 'has CRLF in a partition.metadata', prepare: () => partition(`version: 0\r\ntopic_id: ${TOPIC_ID}\r\n`) },
  {
    title: 'has a link to nothing in place of a log',
    prepare: () => {
      mkdirSync(`${root}/b`);
      symlinkSync('/nowhere', `${root}/b/orders-0`);
    },
  },
  {
    title: 'has an empty meta.properties',
    prepare: () => {
      mkdirSync(`${root}/b`);
      writeFileSync(`${root}/b/meta.properties`, '');
    },
  },
  {
    title: 'has foreign files and folders',
    prepare: () => {
      mkdirSync(`${root}/b/lost+found`, { recursive: true });
      mkdirSync(`${root}/b/backup of orders`);
      writeFileSync(`${root}/b/notes.txt`, 'orders-0');
    },
  },
])('a broker starts with the log directory that $title', async ({ prepare }) => {
  prepare();
  expect(offline(await start())).toEqual([]);
});

test('an empty meta.properties beside one that names the broker says nothing against it', async () => {
  await start();
  await broker!.shutdown();
  lastId--;
  writeFileSync(`${root}/b/meta.properties`, '');
  expect(offline(await start())).toEqual([]);
});

test('a broker does not start with a meta.properties of another version', async () => {
  mkdirSync(`${root}/b`);
  writeFileSync(`${root}/b/meta.properties`, 'version=1\nnode.id=1\n');
  await expect(start()).rejects.toThrow('version 1, need 0');
});
