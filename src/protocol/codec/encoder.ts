import type { StructShape } from '../notation.js';
import type { Writer } from './writer.js';
export type Encoder = (message: unknown, writer: Writer) => void;
export declare function compileEncoder(shape: StructShape, version: number, flexible: boolean): Encoder;
