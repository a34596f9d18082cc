/** DeleteTopics (API key 20): deletes topics. */
import { array, int16, int32, message, string, struct, uuid, type InputOf, type TypeOf } from '../notation.js';

/** Topics by name or id. */
export const deleteTopicsRequest = message(
  { name: 'DeleteTopicsRequest', kind: 'request', apiKey: 20, versions: '0-6', flexible: '4+' },
  {
    /** By name or id, from version 6. */
    topics: array(
      '6+',
      struct('DeleteTopicState', {
        name: string('6+', { nullable: '6+', default: null }),
        topicId: uuid('6+'),
      }),
    ),
    /** Up to version 5. */
    topicNames: array('0-5', 'string', { ignorable: true }),
    timeoutMs: int32('0+'),
  },
);
export type DeleteTopicsRequest = TypeOf<typeof deleteTopicsRequest>;
export type DeleteTopicsRequestInput = InputOf<typeof deleteTopicsRequest>;
export type DeleteTopicsRequestDeleteTopicState = DeleteTopicsRequest['topics'][number];

/**
 * An error code for each topic.
 * Errors: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INVALID_TOPIC_EXCEPTION, TOPIC_DELETION_DISABLED, INVALID_REQUEST, NOT_CONTROLLER,
 * REQUEST_TIMED_OUT (it may be gone soon), THROTTLING_QUOTA_EXCEEDED, TOPIC_AUTHORIZATION_FAILED.
 */
export const deleteTopicsResponse = message(
  { name: 'DeleteTopicsResponse', kind: 'response', apiKey: 20, versions: '0-6', flexible: '4+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    responses: array(
      '0+',
      struct('DeletableTopicResult', {
        name: string('0+', { nullable: '6+', mapKey: true }),
        topicId: uuid('6+', { ignorable: true }),
        errorCode: int16('0+'),
        errorMessage: string('5+', { nullable: '5+', default: null, ignorable: true }),
      }),
    ),
  },
);
export type DeleteTopicsResponse = TypeOf<typeof deleteTopicsResponse>;
export type DeleteTopicsResponseInput = InputOf<typeof deleteTopicsResponse>;
export type DeleteTopicsResponseDeletableTopicResult = DeleteTopicsResponse['responses'][number];
