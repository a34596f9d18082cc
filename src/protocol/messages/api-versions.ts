/** ApiVersions (API key 18): tells which APIs and versions a broker serves. */
import { array, bool, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The name and version of the client software. */
export const apiVersionsRequest = message(
  { name: 'ApiVersionsRequest', kind: 'request', apiKey: 18, versions: '0-3', flexible: '3+' },
  {
    clientSoftwareName: string('3+', { ignorable: true }),
    clientSoftwareVersion: string('3+', { ignorable: true }),
  },
);
export type ApiVersionsRequest = TypeOf<typeof apiVersionsRequest>;
export type ApiVersionsRequestInput = InputOf<typeof apiVersionsRequest>;

/**
 * Served versions by API, and features.
 * Errors: UNSUPPORTED_VERSION (then in version 0), INVALID_REQUEST.
 */
export const apiVersionsResponse = message(
  { name: 'ApiVersionsResponse', kind: 'response', apiKey: 18, versions: '0-3', flexible: '3+' },
  {
    errorCode: int16('0+'),
    apiKeys: array(
      '0+',
      struct('ApiVersion', {
        apiKey: int16('0+', { mapKey: true }),
        minVersion: int16('0+'),
        maxVersion: int16('0+'),
      }),
    ),
    throttleTimeMs: int32('1+', { ignorable: true }),
    supportedFeatures: array(
      '3+',
      struct('SupportedFeatureKey', {
        name: string('3+', { mapKey: true }),
        minVersion: int16('3+'),
        maxVersion: int16('3+'),
      }),
      { ignorable: true, tagged: '3+', tag: 0 },
    ),
    finalizedFeaturesEpoch: int64('3+', { default: -1n, ignorable: true, tagged: '3+', tag: 1 }),
    finalizedFeatures: array(
      '3+',
      struct('FinalizedFeatureKey', {
        name: string('3+', { mapKey: true }),
        maxVersionLevel: int16('3+'),
        minVersionLevel: int16('3+'),
      }),
      { ignorable: true, tagged: '3+', tag: 2 },
    ),
    /** A KRaft controller during migration. */
    zkMigrationReady: bool('3+', { default: false, ignorable: true, tagged: '3+', tag: 3 }),
  },
);
export type ApiVersionsResponse = TypeOf<typeof apiVersionsResponse>;
export type ApiVersionsResponseInput = InputOf<typeof apiVersionsResponse>;
export type ApiVersionsResponseApiVersion = ApiVersionsResponse['apiKeys'][number];
export type ApiVersionsResponseSupportedFeatureKey = ApiVersionsResponse['supportedFeatures'][number];
export type ApiVersionsResponseFinalizedFeatureKey = ApiVersionsResponse['finalizedFeatures'][number];
