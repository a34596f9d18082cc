import type { Encoder } from './encoder.js';
export declare class Writer {
  whole(encode: Encoder, message: unknown): Buffer;
  chunks(encode: Encoder, message: unknown): Buffer[];
}
export declare const writer: Writer;
