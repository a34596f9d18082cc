/** Whose turn it is at a disk, and what those hold that have had theirs. */
import { ReadInterest, WaitingReads, type ReaderKind } from '../../../src/log/segment/read-interest.js';

function interestThat(kind: ReaderKind, heldBytes: number): ReadInterest {
  const interest = new ReadInterest(kind);
  interest.keepFound(heldBytes);
  return interest;
}

/** Who has the next turns, when each waits again after his. */
function turns(waiting: Record<string, ReadInterest | null>, count: number): string[] {
  const reads = new WaitingReads();
  const order: string[] = [];
  const wait = (name: string): void => {
    const enter = (): void => {
      order.push(name);
      wait(name);
    };
    reads.add(enter, waiting[name]!);
  };
  for (const name of Object.keys(waiting)) wait(name);
  for (let turn = 0; turn < count; turn++) reads.takeFirst()!();
  return order;
}

const shareOf = (name: string, order: readonly string[]): number =>
  order.filter((one) => one === name).length / order.length;

test('brokers, fetches and searches have as many turns each, however many of a kind wait', () => {
  const fetches = Array.from({ length: 50 }, (_, at) => [`fetch${at}`, interestThat('fetch', at % 2)] as const);
  const order = turns({ ...Object.fromEntries(fetches), own: null, search: interestThat('search', 0) }, 300);
  expect([shareOf('own', order), shareOf('search', order)]).toEqual([1 / 3, 1 / 3]);
});

test('a fetch that holds what it has read goes before those that begin, which have an eighth of the turns', () => {
  const order = turns({ begins: interestThat('fetch', 0), goesOn: interestThat('fetch', 1) }, 240);
  expect([shareOf('goesOn', order), shareOf('begins', order)]).toEqual([7 / 8, 1 / 8]);
  expect(order.slice(1, 8)).toEqual(Array<string>(7).fill('goesOn'));
});

test('turns pass over the kinds of which no one waits, and over who has left', () => {
  const reads = new WaitingReads();
  expect(reads.takeFirst()).toBeUndefined();
  const entered: string[] = [];
  const leave = reads.add(() => entered.push('left'), interestThat('search', 0));
  reads.add(() => entered.push('search'), interestThat('search', 0));
  leave();
  reads.takeFirst()!();
  expect([entered, reads.takeFirst()]).toEqual([['search'], undefined]);
});

test('what a reader holds is what he keeps and the read under way, and less is available to him for what he keeps', () => {
  const held: number[] = [];
  const interest = new ReadInterest('fetch', { availableBytes: () => 100, hold: (bytes) => held.push(bytes) });
  interest.keepFound(5);
  expect([interest.holdsBytes, interest.availableBytes, held]).toEqual([true, 95, []]);
  interest.reading(50);
  interest.reading(40);
  // The rest of the piece stays with it.
  interest.keep(30);
  interest.reading(20);
  interest.keep(0);
  expect([interest.availableBytes, held]).toEqual([55, [55, 45, 45, 65, 45]]);
  interest.letGo();
  interest.letGo();
  expect([interest.holdsBytes, held.slice(5)]).toEqual([false, [0]]);
});
