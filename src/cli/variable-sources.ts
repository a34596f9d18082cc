import fs from 'node:fs';
import path from 'node:path';
import type { VariableSources } from '../config/index.js';

/** Variables in a properties file are resolved from the files and the environment of this process. */
export const nodeVariableSources: VariableSources = {
  readFile: (file) => fs.readFileSync(file),
  filesIn(directory) {
    if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return null;
    // Kubernetes makes links to the files of a secret.
    const isFile = (name: string) =>
      fs.statSync(path.join(directory, name), { throwIfNoEntry: false })?.isFile() === true;
    return fs.readdirSync(directory).filter(isFile);
  },
  environment: process.env,
};
