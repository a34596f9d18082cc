import * as fc from 'fast-check';

/** What every property starts from, so that a red run is red again. `OTTLA_SEED` chooses another one, and `npm test` prints it. */
const seed = Number(process.env['OTTLA_SEED'] ?? 20_261_129);
if (!Number.isInteger(seed)) throw new Error(`OTTLA_SEED is not an integer: ${process.env['OTTLA_SEED']}`);

fc.configureGlobal({ seed });

export { fc };
