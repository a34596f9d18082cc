/** UpdateFeatures (API key 57): changes finalized feature levels. */
import { array, bool, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Features with their new levels. */
export const updateFeaturesRequest = message(
  { name: 'UpdateFeaturesRequest', kind: 'request', apiKey: 57, versions: '0-1', flexible: '0+', clusterAction: true },
  {
    timeoutMs: int32('0+', { default: 60000 }),
    featureUpdates: array(
      '0+',
      struct('FeatureUpdateKey', {
        feature: string('0+', { mapKey: true }),
        maxVersionLevel: int16('0+'),
        allowDowngrade: bool('0'),
        upgradeType: int8('1+', { default: 1 }),
      }),
    ),
    validateOnly: bool('1+', { default: false }),
  },
);
export type UpdateFeaturesRequest = TypeOf<typeof updateFeaturesRequest>;
export type UpdateFeaturesRequestInput = InputOf<typeof updateFeaturesRequest>;
export type UpdateFeaturesRequestFeatureUpdateKey = UpdateFeaturesRequest['featureUpdates'][number];

/**
 * An error for each feature.
 * Errors: NOT_CONTROLLER, INVALID_REQUEST, FEATURE_UPDATE_FAILED, CLUSTER_AUTHORIZATION_FAILED.
 */
export const updateFeaturesResponse = message(
  { name: 'UpdateFeaturesResponse', kind: 'response', apiKey: 57, versions: '0-1', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+' }),
    results: array(
      '0+',
      struct('UpdatableFeatureResult', {
        feature: string('0+', { mapKey: true }),
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
      }),
    ),
  },
);
export type UpdateFeaturesResponse = TypeOf<typeof updateFeaturesResponse>;
export type UpdateFeaturesResponseInput = InputOf<typeof updateFeaturesResponse>;
export type UpdateFeaturesResponseUpdatableFeatureResult = UpdateFeaturesResponse['results'][number];
