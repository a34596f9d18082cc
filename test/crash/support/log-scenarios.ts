/** The central sequences of file operations of one log, each with what the log was told to be in at any moment. */
import { FOREIGN_FILE_SCENARIOS } from './foreign-file-scenarios.js';
import { AFTER_DELETIONS_MS, fill, fillAndCommit, ID_A, ORDERS, type LogRun, type LogScenario } from './log-run.js';
import { SPLIT_SCENARIOS } from './split-scenarios.js';

const ID_B = 'AAAAAAAAAAAAAAAAAAAAEQ';

export const LOG_SCENARIOS: readonly LogScenario[] = [
  {
    title: 'appends, rolls, flushes and checkpoints',
    async during(run) {
      run.append(10);
      await run.settle();
      run.append(6);
      await run.flush();
      run.epoch = 2;
      run.append(14);
      await run.settle();
      await run.flush();
      run.append(5);
    },
  },
  {
    title: 'flush.messages=1',
    config: { flushMessages: 1 },
    async during(run) {
      for (let each = 0; each < 18; each++) {
        if (each === 14) run.epoch = 2;
        run.append(1);
        if (!run.world.fs.isHalted) run.model.isFlushed(run.log.logEndOffset);
        await run.settle();
      }
    },
  },
  {
    title: 'flush.messages=5',
    config: { flushMessages: 5 },
    async during(run) {
      for (let each = 0; each < 22; each++) {
        run.append(1);
        if (!run.world.fs.isHalted) run.model.durable = Math.max(run.model.durable, run.log.recoveryPoint);
      }
      await run.settle();
    },
  },
  {
    title: 'cuts the tail and appends in a new epoch',
    needsJournal: true,
    prepare: fill,
    async during(run) {
      run.truncate(17);
      run.epoch = 5;
      run.append(4);
      await run.settle();
      run.append(12);
      await run.settle();
      await run.flush();
      run.append(3);
    },
  },
  {
    title: 'cuts the tail at the border of two segments',
    needsJournal: true,
    config: { segmentBytes: 400 },
    prepare: fill,
    async during(run) {
      const border = run.log.segments[2]!.baseOffset;
      run.truncate(border);
      await run.settle();
      run.epoch = 5;
      run.append(9);
      await run.settle(AFTER_DELETIONS_MS);
      run.append(3);
    },
  },
  {
    title: 'cuts many flushed segments',
    needsJournal: true,
    config: { segmentBytes: 400 },
    async prepare(run) {
      await fill(run);
      await run.flush();
    },
    async during(run) {
      run.truncate(5);
      run.epoch = 5;
      run.append(7);
      await run.settle(AFTER_DELETIONS_MS);
      run.append(3);
      await run.flush();
    },
  },
  {
    title: 'cuts within the last segment',
    prepare: fill,
    async during(run) {
      run.truncate(31);
      run.epoch = 5;
      run.append(4);
      await run.settle();
      await run.flush();
    },
  },
  {
    title: 'cuts twice, each time for another leader',
    prepare: fill,
    async during(run) {
      run.truncate(26);
      await run.settle();
      run.epoch = 5;
      run.append(7);
      await run.settle();
      run.truncate(28);
      await run.settle();
      run.epoch = 6;
      run.append(7);
      await run.settle();
      await run.flush();
    },
  },
  {
    title: 'drops everything and begins at 200',
    needsJournal: true,
    prepare: fill,
    async during(run) {
      run.model.durable = 0;
      run.model.begins({ end: 0, values: new Map() });
      run.model.begins({ start: 200, end: 200, values: new Map() });
      run.manager.truncateFullyAndStartAt(ORDERS, 200);
      await run.settle();
      run.acknowledged();
      run.startsSequencesAgain();
      run.epoch = 5;
      run.append(6);
      await run.settle();
      await run.flush();
      run.append(2);
    },
  },
  {
    title: 'deletes three segments by retention',
    needsJournal: true,
    config: { segmentBytes: 400 },
    prepare: fillAndCommit,
    async during(run) {
      const kept = run.log.segments.slice(3);
      run.log.updateConfig({
        ...run.config,
        retentionBytes: kept.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0),
      });
      run.model.begins({ start: kept[0]!.baseOffset });
      run.log.deleteOldSegments();
      run.acknowledged();
      run.log.updateConfig(run.config);
      run.manager.checkpointLogStartOffsets();
      run.append(3);
      await run.settle(AFTER_DELETIONS_MS);
      await run.flush();
    },
  },
  {
    title: 'deletes every segment by retention',
    needsJournal: true,
    prepare: fillAndCommit,
    async during(run) {
      run.log.updateConfig({ ...run.config, retentionBytes: 0 });
      run.model.begins({ start: run.model.now.end });
      run.log.deleteOldSegments();
      run.acknowledged();
      run.log.updateConfig(run.config);
      run.append(3);
      await run.settle(AFTER_DELETIONS_MS);
      await run.flush();
    },
  },
  {
    title: 'deletes records up to 20',
    prepare: fillAndCommit,
    async during(run) {
      run.model.begins({ start: 20 });
      run.log.maybeIncrementLogStartOffset(20, 'test');
      run.acknowledged();
      run.manager.checkpointLogStartOffsets();
      run.append(2);
      await run.settle();
    },
  },
  {
    title: 'is deleted and made again for another topic',
    prepare: fill,
    async during(run) {
      run.model.durable = 0;
      run.model.begins({ start: 0, end: 0, values: new Map(), topicId: ID_B });
      run.manager.asyncDelete(ORDERS);
      await run.settle();
      run.create(ID_B);
      run.acknowledged();
      run.startsSequencesAgain();
      run.epoch = 0;
      run.append(8);
      await run.settle();
      await run.flush();
      await run.settle(AFTER_DELETIONS_MS);
      run.append(2);
    },
  },
  {
    title: 'gets its topic id late',
    async during(run) {
      // One of a topic that had no id yet: nothing was appended.
      run.manager.asyncDelete(ORDERS);
      run.create(null);
      run.log.assignTopicId(ID_A);
      run.append(6);
      await run.flush();
      run.append(2);
    },
  },
  {
    title: 'is given epochs without records',
    prepare: fill,
    async during(run) {
      for (const epoch of [4, 5, 6]) {
        run.log.maybeAssignEpochStartOffset(epoch, run.log.logEndOffset);
        run.epoch = epoch;
        run.append(epoch === 5 ? 0 : 2);
        await run.settle();
      }
      await run.flush();
      run.log.maybeAssignEpochStartOffset(7, run.log.logEndOffset);
    },
  },
  {
    title: 'is shut down cleanly',
    prepare: fill,
    during: (run) => run.stop(),
  },
  {
    title: 'starts after a clean shutdown and is appended to',
    async prepare(run) {
      await fill(run);
      await run.stop();
    },
    restarts: true,
    async during(run) {
      run.append(7);
      await run.settle();
      await run.flush();
      run.append(2);
    },
  },
  {
    title: 'starts after a clean shutdown and is cut',
    async prepare(run) {
      await fill(run);
      await run.stop();
    },
    restarts: true,
    async during(run) {
      run.truncate(27);
      run.epoch = 5;
      run.append(7);
      await run.settle();
    },
  },
  {
    title: 'recovers after its process was killed',
    async prepare(run) {
      await fill(run);
      run.crash('process');
    },
    restarts: true,
    async during(run) {
      run.append(3);
      await run.settle();
    },
  },
  {
    title: 'recovers after a loss of power',
    async prepare(run) {
      await fill(run);
      run.crash('power');
    },
    restarts: true,
  },
  {
    title: 'recovers after it was cut and the power went',
    async prepare(run) {
      await fill(run);
      run.truncate(27);
      run.epoch = 5;
      run.append(9);
      await run.settle();
      run.crash('power');
    },
    restarts: true,
  },
  {
    title: 'finds its epochs again from the records',
    async prepare(run) {
      await fill(run);
      await run.flush();
      run.crash('process');
      // As a loss of power leaves a file that was renamed unsynced.
      emptyFile(run, 'leader-epoch-checkpoint');
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
  },
  {
    title: 'builds a missing index again',
    async prepare(run) {
      await fill(run);
      await run.stop();
      for (const suffix of ['index', 'timeindex']) {
        run.world.fs.remove(`${run.log.dir}/00000000000000000000.${suffix}`);
      }
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
  },
  {
    title: 'builds its producers again without a snapshot',
    async prepare(run) {
      await fill(run);
      await run.flush();
      run.crash('process');
      const { fs } = run.world;
      for (const name of fs.readDir(run.log.dir)) {
        if (name.endsWith('.snapshot')) fs.remove(`${run.log.dir}/${name}`);
      }
    },
    restarts: true,
    async during(run) {
      run.append(2);
      await run.settle();
    },
  },
  ...SPLIT_SCENARIOS,
  ...FOREIGN_FILE_SCENARIOS,
];

function emptyFile(run: LogRun, name: string): void {
  const handle = run.world.fs.open(`${run.log.dir}/${name}`, 'w+');
  handle.syncSync();
  handle.close();
}
