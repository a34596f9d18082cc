import fs from 'node:fs';
import path from 'node:path';
import type { VariableSources } from '../config/index.js';

/** More than any file of settings has. Clients that may change configurations name the file, and everyone waits while it is read. */
const MAX_BYTES = 1024 * 1024;

/** Variables in a properties file are resolved from the files and the environment of this process. */
export const nodeVariableSources: VariableSources = {
  readFile(file) {
    const stat = fs.statSync(file);
    if (!stat.isFile()) throw new Error(`${file} is no regular file`);
    if (stat.size > MAX_BYTES) throw new Error(`${file} has ${stat.size} bytes, more than ${MAX_BYTES}`);
    return fs.readFileSync(file);
  },
  filesIn(directory) {
    if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return null;
    // Kubernetes makes links to the files of a secret.
    const isFile = (name: string) =>
      fs.statSync(path.join(directory, name), { throwIfNoEntry: false })?.isFile() === true;
    return fs.readdirSync(directory).filter(isFile);
  },
  environment: process.env,
};
