import * as zlib from 'node:zlib';
import { COMPRESSION_TYPES, type compress, type crc32c } from '../../../src/records/index.js';

const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };

test.each([false, true])(
  'native modules are loaded without looking up who is connected, and leave reports as they were (%s)',
  (excludeNetwork) => {
    const before = report.excludeNetwork;
    report.excludeNetwork = excludeNetwork;
    const reports: boolean[] = [];
    const original = report.getReport.bind(report);
    const getReport = jest.spyOn(report, 'getReport').mockImplementation(() => {
      reports.push(report.excludeNetwork);
      return original();
    });
    try {
      // Each is loaded at its first use.
      jest.isolateModules(() => {
        const records = jest.requireActual<{ compress: typeof compress; crc32c: typeof crc32c }>(
          '../../../src/records/index.js',
        );
        for (const type of COMPRESSION_TYPES) records.compress(type, Buffer.from('abc'));
        records.crc32c(Buffer.from('abc'));
      });
      expect(reports).toEqual(reports.map(() => true));
      if (!('zstdCompressSync' in zlib)) expect(reports).not.toEqual([]);
      expect(report.excludeNetwork).toBe(excludeNetwork);
    } finally {
      getReport.mockRestore();
      report.excludeNetwork = before;
    }
  },
);
