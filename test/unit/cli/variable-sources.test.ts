import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { nodeVariableSources } from '../../../src/cli/variable-sources.js';
import { VariableResolver } from '../../../src/config/index.js';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ottla-secrets-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

test('variables are resolved from files, from secrets as Kubernetes mounts them, and from the environment', () => {
  fs.mkdirSync(path.join(dir, '..data'));
  fs.writeFileSync(path.join(dir, '..data', 'password'), 'hunter2');
  fs.symlinkSync(path.join('..data', 'password'), path.join(dir, 'password'));
  fs.symlinkSync('gone', path.join(dir, 'dangling'));
  fs.writeFileSync(path.join(dir, 'some.properties'), 'umlaut = \u00fc');
  process.env['OTTLA_TEST_VARIABLE'] = 'set';
  const provider = 'org.apache.kafka.common.config.provider';
  const texts = new Map([
    ['config.providers', 'f,d,e'],
    ['config.providers.f.class', `${provider}.FileConfigProvider`],
    ['config.providers.d.class', `${provider}.DirectoryConfigProvider`],
    ['config.providers.e.class', `${provider}.EnvVarConfigProvider`],
  ]);
  const resolver = VariableResolver.create(texts, nodeVariableSources)!;
  expect(resolver.resolve(`\${d:${dir}:password}`)).toBe('hunter2');
  expect(resolver.resolve(`\${d:${dir}:dangling}`)).toBe(`\${d:${dir}:dangling}`);
  expect(resolver.resolve(`\${d:${dir}:..data}`)).toBe(`\${d:${dir}:..data}`);
  expect(resolver.resolve(`\${d:${dir}/nowhere:password}`)).toContain('nowhere');
  expect(resolver.resolve(`\${f:${dir}/some.properties:umlaut}`)).toBe('\u00fc');
  expect(resolver.resolve('${e:OTTLA_TEST_VARIABLE}')).toBe('set');
  delete process.env['OTTLA_TEST_VARIABLE'];
});

test('what would hold up everyone is not read: a pipe, a device, a large file', () => {
  const pipe = path.join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  expect(() => nodeVariableSources.readFile(pipe)).toThrow(/is no regular file/);
  expect(() => nodeVariableSources.readFile('/dev/zero')).toThrow(/is no regular file/);
  const large = path.join(dir, 'large');
  fs.writeFileSync(large, '');
  fs.truncateSync(large, 1024 * 1024 + 1);
  expect(() => nodeVariableSources.readFile(large)).toThrow(/more than 1048576/);
  fs.truncateSync(large, 1024 * 1024);
  expect(nodeVariableSources.readFile(large)).toHaveLength(1024 * 1024);
});
