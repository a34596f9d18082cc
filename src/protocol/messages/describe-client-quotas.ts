/** DescribeClientQuotas (API key 48): describes client quotas. */
import {
  array,
  bool,
  float64,
  int16,
  int32,
  int8,
  message,
  string,
  struct,
  type InputOf,
  type TypeOf,
} from '../notation.js';

/** Filter components by entity type. */
export const describeClientQuotasRequest = message(
  { name: 'DescribeClientQuotasRequest', kind: 'request', apiKey: 48, versions: '0-1', flexible: '1+' },
  {
    components: array(
      '0+',
      struct('ComponentData', {
        entityType: string('0+'),
        matchType: int8('0+'),
        match: string('0+', { nullable: '0+' }),
      }),
    ),
    strict: bool('0+'),
  },
);
export type DescribeClientQuotasRequest = TypeOf<typeof describeClientQuotasRequest>;
export type DescribeClientQuotasRequestInput = InputOf<typeof describeClientQuotasRequest>;
export type DescribeClientQuotasRequestComponentData = DescribeClientQuotasRequest['components'][number];

/**
 * Quotas of each entity that matches.
 * Errors: INVALID_REQUEST, CLUSTER_AUTHORIZATION_FAILED.
 */
export const describeClientQuotasResponse = message(
  { name: 'DescribeClientQuotasResponse', kind: 'response', apiKey: 48, versions: '0-1', flexible: '1+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+' }),
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
        values: array(
          '0+',
          struct('ValueData', {
            key: string('0+'),
            value: float64('0+'),
          }),
        ),
      }),
      { nullable: '0+' },
    ),
  },
);
export type DescribeClientQuotasResponse = TypeOf<typeof describeClientQuotasResponse>;
export type DescribeClientQuotasResponseInput = InputOf<typeof describeClientQuotasResponse>;
export type DescribeClientQuotasResponseEntryData = NonNullable<DescribeClientQuotasResponse['entries']>[number];
export type DescribeClientQuotasResponseEntityData = DescribeClientQuotasResponseEntryData['entity'][number];
export type DescribeClientQuotasResponseValueData = DescribeClientQuotasResponseEntryData['values'][number];
