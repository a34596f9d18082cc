import type { ControllerEvent } from '../runtime.js';
import { endReassignmentsOf } from './reassignment.js';
import { topicChange } from './topic-change.js';

/** Somebody asked for topics to be deleted. */
export const topicDeletion: ControllerEvent = {
  name: 'TopicDeletion',
  state: 'TopicDeletion',
  isReadAgain: true,
  async process(controller) {
    if (!controller.isActive) return;
    const { context, stores, deletions, config, log } = controller;
    const asked = await stores.deletions.topicDeletions();
    // It may have been made after we were told of topics, and asked for before we look.
    if (asked.some((topic) => !context.hasTopic(topic))) await topicChange.process(controller);
    const unreadable = asked.filter((topic) => context.unreadableTopics.has(topic));
    if (unreadable.length > 0) {
      log.error('Not deleting topics until their znodes can be read: where their replicas are is not known', {
        topics: unreadable,
      });
    }
    const isReadable = (topic: string): boolean => !context.unreadableTopics.has(topic);
    const unknown = asked.filter((topic) => isReadable(topic) && !context.hasTopic(topic));
    if (unknown.length > 0) {
      log.warn('Ignoring request to delete non-existing topics', { topics: unknown });
      await stores.deletions.deleteTopicDeletions(unknown, context.epochZkVersion);
    }
    const topics = asked.filter((topic) => isReadable(topic) && context.hasTopic(topic));
    if (topics.length === 0) return;
    if (!config.get('delete.topic.enable')) {
      log.info('Removing topic deletions since delete topic is disabled', { topics });
      await stores.deletions.deleteTopicDeletions(topics, context.epochZkVersion);
      return;
    }
    log.info('Starting topic deletion', { topics });
    await endReassignmentsOf(controller, topics);
    await deletions.enqueueTopicsForDeletion(topics);
  },
};

/** Time to try again what brokers could not delete. */
export const topicDeletionRetry: ControllerEvent = {
  name: 'TopicDeletionRetry',
  state: 'TopicDeletion',
  async process({ isActive, deletions }) {
    if (isActive) await deletions.retryFailedDeletions();
  },
};
