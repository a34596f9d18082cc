import type { ReadPosition, StructShape } from '../notation.js';
export type Decoder = (at: ReadPosition) => unknown;
export declare function compileDecoder(shape: StructShape, version: number, flexible: boolean): Decoder;
