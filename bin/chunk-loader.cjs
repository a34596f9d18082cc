'use strict';
/**
 * Loads the files of dist/ with the code that V8 compiled for them when they were built (FILE.cache), which halves the time of a
 * start. A cache that another version of Node made, or Node with other settings, is refused by V8 and the source compiled instead.
 */
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

function createChunkLoader(directory) {
  const loaded = new Map();

  function load(name) {
    const known = loaded.get(name);
    if (known) return known.module.exports;
    const filename = path.join(directory, name);
    const source = fs.readFileSync(filename, 'utf8');
    const script = new vm.Script(Module.wrap(source), { filename, cachedData: readCache(`${filename}.cache`) });
    const module = { exports: {}, id: filename, filename, loaded: false };
    loaded.set(name, { module, script });
    const requireOutside = Module.createRequire(filename);
    const require = (id) => (id.startsWith('./') ? load(id.slice(2)) : requireOutside(id));
    require.resolve = requireOutside.resolve;
    script.runInThisContext().call(module.exports, module.exports, require, module, filename, directory);
    module.loaded = true;
    return module.exports;
  }

  return {
    load,
    /** The chunks that were loaded without theirs. */
    refusedCaches() {
      return [...loaded].filter(([, { script }]) => script.cachedDataRejected !== false).map(([name]) => name);
    },
    /** Keeps what V8 has compiled so far of the chunks that were loaded. */
    writeCaches() {
      for (const [name, { script }] of loaded) {
        fs.writeFileSync(path.join(directory, `${name}.cache`), script.createCachedData());
      }
    },
  };
}

function readCache(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}

module.exports = { createChunkLoader };
