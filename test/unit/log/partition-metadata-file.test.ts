import { SimulatedFileSystem } from '../../../src/testing/index.js';
import { PartitionMetadataFile, readPartitionMetadata } from '../../../src/log/checkpoints/partition-metadata-file.js';

const TOPIC_ID = 'Lv0sPxPbTVyIxrnoyjuSYg';
const WHOLE = `version: 0\ntopic_id: ${TOPIC_ID}`;

function written(text: string): SimulatedFileSystem {
  const fs = new SimulatedFileSystem();
  fs.makeDir('/data/orders-0');
  fs.replaceFile('/data/orders-0/partition.metadata', text);
  return fs;
}

test('what is written is read', () => {
  const fs = written('');
  PartitionMetadataFile.open(fs, '/data/orders-0', false, false).write(TOPIC_ID);
  expect(fs.readFile('/data/orders-0/partition.metadata').toString()).toBe(WHOLE);
  expect(readPartitionMetadata(fs, '/data/orders-0')).toBe(TOPIC_ID);
});

test('a file that a loss of power has torn at any place counts as empty', () => {
  for (let length = 0; length < WHOLE.length; length++) {
    const kept = WHOLE.slice(0, length);
    expect(readPartitionMetadata(written(kept), '/data/orders-0')).toBeNull();
    expect(readPartitionMetadata(written(kept.padEnd(WHOLE.length, '\0')), '/data/orders-0')).toBeNull();
  }
});

test.each(['', '\n', '\r\n', '\nanother line\n'])('what follows the second line is not read: %j', (rest) => {
  expect(readPartitionMetadata(written(WHOLE + rest), '/data/orders-0')).toBe(TOPIC_ID);
});

test.each(['version: 1\ntopic_id: Lv0sPxPbTVyIxrnoyjuSYg', 'version: 0\ntopic_id: x\nmore', 'rubbish'])(
  'what was never such a file is refused: %j',
  (text) => {
    expect(() => readPartitionMetadata(written(text), '/data/orders-0')).toThrow('malformed partition metadata');
  },
);
