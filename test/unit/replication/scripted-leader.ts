/** A leader broker whose every answer is the test's: what the follower asks is kept, and waits until it is answered or refused. */
import { settle } from '../../../src/testing/index.js';
import {
  ErrorCode,
  fetchRequest,
  fetchResponse,
  type FetchRequest,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import type { EpochEndOffset, EpochQuestion, LeaderEndpoint, OffsetAnswer } from '../../../src/replication/ports.js';
import { TOPIC_ID } from './replica-cluster.js';

export interface ScriptedPartition {
  readonly partition?: number;
  readonly errorCode?: number;
  readonly highWatermark?: number;
  readonly logStartOffset?: number;
  readonly records?: Buffer;
  readonly diverging?: { readonly epoch: number; readonly endOffset: number };
}

interface Question<Q, A> {
  readonly asked: Q;
  readonly answer: (answer: A) => void;
  readonly refuse: (error: Error) => void;
}

export class ScriptedLeader implements LeaderEndpoint {
  /** Every Fetch request, in order. */
  readonly requests: FetchRequest[] = [];
  readonly epochQuestions: Question<readonly EpochQuestion[], EpochEndOffset[]>[] = [];
  readonly offsetQuestions: Question<'latest' | 'earliest', OffsetAnswer>[] = [];
  isClosed = false;
  private pending: { version: number; question: Question<FetchRequest, FetchResponse> } | null = null;
  private sessionId = 0;

  constructor(readonly brokerId: number) {}

  get isAsked(): boolean {
    return this.pending !== null;
  }

  get lastRequest(): FetchRequest {
    return this.requests.at(-1)!;
  }

  /** What the last request asks of a partition; undefined when it does not name it. */
  asked(partition = 0) {
    return this.lastRequest.topics.flatMap((topic) => topic.partitions).find((one) => one.partition === partition);
  }

  fetch(input: Parameters<LeaderEndpoint['fetch']>[0], version: number): Promise<FetchResponse> {
    const asked = fetchRequest.decode(fetchRequest.encode(input, version), version);
    this.requests.push(asked);
    return new Promise((answer, refuse) => {
      this.pending = { version, question: { asked, answer, refuse } };
    });
  }

  /** Answers the fetch that waits, in a session; lets the follower take it. */
  async answer(partitions: readonly ScriptedPartition[], errorCode = 0): Promise<void> {
    const { version, question } = this.take();
    if (question.asked.sessionEpoch === 0) this.sessionId++;
    const data = partitions.map(({ partition = 0, diverging, ...one }) => ({
      partitionIndex: partition,
      errorCode: one.errorCode ?? ErrorCode.NONE,
      highWatermark: BigInt(one.highWatermark ?? 0),
      logStartOffset: BigInt(one.logStartOffset ?? 0),
      records: one.records ?? Buffer.alloc(0),
      ...(diverging && { divergingEpoch: { epoch: diverging.epoch, endOffset: BigInt(diverging.endOffset) } }),
    }));
    const responses = data.length > 0 ? [{ topic: 'orders', topicId: TOPIC_ID, partitions: data }] : [];
    const encoded = fetchResponse.encode(
      { errorCode, sessionId: errorCode === 0 ? this.sessionId : 0, responses },
      version,
    );
    question.answer(fetchResponse.decode(encoded, version));
    await settle();
  }

  /** The connection is lost. */
  async fail(): Promise<void> {
    this.take().question.refuse(new Error('disconnected'));
    await settle();
  }

  fetchEpochEndOffsets(asked: readonly EpochQuestion[]): Promise<EpochEndOffset[]> {
    return new Promise((answer, refuse) => this.epochQuestions.push({ asked, answer, refuse }));
  }

  fetchEarliestOffset(): Promise<OffsetAnswer> {
    return new Promise((answer, refuse) => this.offsetQuestions.push({ asked: 'earliest', answer, refuse }));
  }

  fetchLatestOffset(): Promise<OffsetAnswer> {
    return new Promise((answer, refuse) => this.offsetQuestions.push({ asked: 'latest', answer, refuse }));
  }

  close(): void {
    this.isClosed = true;
  }

  private take(): { version: number; question: Question<FetchRequest, FetchResponse> } {
    const { pending } = this;
    if (!pending) throw new Error('the follower has not asked');
    this.pending = null;
    return pending;
  }
}
