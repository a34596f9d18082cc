/** AlterClientQuotas (API key 49): changes client quotas. */
import { array, bool, float64, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Entities with quotas to set or remove. */
export const alterClientQuotasRequest = message(
  { name: 'AlterClientQuotasRequest', kind: 'request', apiKey: 49, versions: '0-1', flexible: '1+' },
  {
    entries: array(
      '0+',
      struct('EntryData', {
        entity: array(
          '0+',
          struct('EntityData', {
            entityType: string('0+'),
            entityName: string('0+', { nullable: '0+' }),
          }),
        ),
        ops: array(
          '0+',
          struct('OpData', {
            key: string('0+'),
            value: float64('0+'),
            remove: bool('0+'),
          }),
        ),
      }),
    ),
    validateOnly: bool('0+'),
  },
);
export type AlterClientQuotasRequest = TypeOf<typeof alterClientQuotasRequest>;
export type AlterClientQuotasRequestInput = InputOf<typeof alterClientQuotasRequest>;
export type AlterClientQuotasRequestEntryData = AlterClientQuotasRequest['entries'][number];
export type AlterClientQuotasRequestEntityData = AlterClientQuotasRequestEntryData['entity'][number];
export type AlterClientQuotasRequestOpData = AlterClientQuotasRequestEntryData['ops'][number];

/**
 * An error for each entity.
 * Errors: INVALID_REQUEST, CLUSTER_AUTHORIZATION_FAILED.
 */
export const alterClientQuotasResponse = message(
  { name: 'AlterClientQuotasResponse', kind: 'response', apiKey: 49, versions: '0-1', flexible: '1+' },
  {
    throttleTimeMs: int32('0+'),
    entries: array(
      '0+',
      struct('EntryData', {
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+' }),
        entity: array(
          '0+',
          struct('EntityData', {
            entityType: string('0+'),
            entityName: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
);
export type AlterClientQuotasResponse = TypeOf<typeof alterClientQuotasResponse>;
export type AlterClientQuotasResponseInput = InputOf<typeof alterClientQuotasResponse>;
export type AlterClientQuotasResponseEntryData = AlterClientQuotasResponse['entries'][number];
export type AlterClientQuotasResponseEntityData = AlterClientQuotasResponseEntryData['entity'][number];
