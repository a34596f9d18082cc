import { readdirSync, readFileSync } from 'node:fs';
import { ApiKey, ErrorCode, type FetchResponse, type ProduceResponse } from '../../../src/protocol/index.js';
import { BatchBuilder } from '../../../src/records/index.js';
import type { BrokerProcess } from './broker-process.js';
import { eventually, pause } from '../../support/eventually.js';
import { WireClient } from './wire-client.js';

/** Resident memory of a process in bytes, as the kernel counts it. */
export function residentBytes(pid: number): number {
  return kilobytesOf(pid, 'VmRSS');
}

/** The most it ever had. */
export function peakResidentBytes(pid: number): number {
  return kilobytesOf(pid, 'VmHWM');
}

/** Open sockets, files and the like of a process. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function kilobytesOf(pid: number, field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!line) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Number(line[1]) * 1024;
}

/** A well-behaved client beside the bad ones: produces a record and fetches it, over and over, and counts. */
export class Witness {
  served = 0;
  private stopped = false;
  private failure: Error | null = null;
  private readonly running: Promise<void>;

  private constructor(
    private readonly client: WireClient,
    private readonly topic: string,
  ) {
    this.running = this.run();
  }

  static async start(broker: BrokerProcess, topic: string): Promise<Witness> {
    const witness = new Witness(await WireClient.connect(broker.port), topic);
    await witness.untilServed(1);
    return witness;
  }

  /** Resolves when it was served `times` more; rejects with what went wrong. */
  async untilServed(times = 20): Promise<void> {
    const goal = this.served + times;
    await eventually(() => this.failure !== null || this.served >= goal, {
      timeoutMs: 30_000,
      everyMs: 5,
      what: 'another client to be served meanwhile',
    });
    if (this.failure) throw this.failure;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    await this.client.close();
    if (this.failure) throw this.failure;
  }

  private async run(): Promise<void> {
    try {
      while (!this.stopped) {
        const offset = await this.produce();
        await this.fetch(offset);
        this.served++;
        await pause(2);
      }
    } catch (error) {
      this.failure = error as Error;
    }
  }

  private async produce(): Promise<bigint> {
    const builder = new BatchBuilder();
    builder.append({ timestamp: Date.now(), value: Buffer.from('still here?') });
    const partitionData = [{ index: 0, records: builder.build() }];
    const topicData = [{ name: this.topic, partitionData }];
    const answer = await this.client.request<ProduceResponse>(ApiKey.Produce, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData,
    });
    const partition = answer?.responses[0]?.partitionResponses[0];
    if (partition?.errorCode !== ErrorCode.NONE)
      throw new Error(`produce was answered ${JSON.stringify(answer, simple)}`);
    return partition.baseOffset;
  }

  private async fetch(fetchOffset: bigint): Promise<void> {
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }];
    const body = { maxWaitMs: 10_000, minBytes: 1, maxBytes: 1_000_000, topics: [{ topic: this.topic, partitions }] };
    const answer = await this.client.request<FetchResponse>(ApiKey.Fetch, 12, body);
    const partition = answer?.responses[0]?.partitions[0];
    if (partition?.errorCode !== ErrorCode.NONE || partition.records === null) {
      throw new Error(`fetch was answered ${JSON.stringify(answer, simple)}`);
    }
  }
}

function simple(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
