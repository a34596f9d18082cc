import { AnswerOrder } from '../../../../src/network/core/answer-order.js';

function lab() {
  const sent: string[] = [];
  const order = new AnswerOrder<number>((chunks) => sent.push(Buffer.concat(chunks).toString()));
  return { sent, order };
}
const answer = (text: string): Buffer[] => [Buffer.from(text)];

describe('the order of answers', () => {
  test('one request at a time, until it is answered', () => {
    const { order, sent } = lab();
    order.begin(1);
    expect(order.mayBegin).toBe(false);
    expect(() => order.begin(2)).toThrow('a request is handed out in its turn');
    order.answered(1, answer('one'));
    expect([order.mayBegin, order.isEmpty, sent]).toEqual([true, true, ['one']]);
  });

  test('requests that let the next one pass are answered in their order, however they end', () => {
    const { order, sent } = lab();
    for (const request of [1, 2, 3, 4]) {
      order.begin(request);
      order.allowNext(request);
    }
    order.answered(3, answer('three'));
    order.answered(2, null);
    expect(sent).toEqual([]);
    order.answered(1, answer('one'));
    expect(sent).toEqual(['one', 'three']);
    order.answered(4, answer('four'));
    expect([sent, order.isEmpty]).toEqual([['one', 'three', 'four'], true]);
  });

  test('only the newest request lets the next one pass', () => {
    const { order } = lab();
    order.begin(1);
    order.allowNext(1);
    order.begin(2);
    order.allowNext(1);
    order.answered(1, answer('one'));
    expect(order.mayBegin).toBe(false);
    order.allowNext(2);
    expect(order.mayBegin).toBe(true);
  });

  test('sixteen are unanswered at most', () => {
    const { order } = lab();
    for (let request = 1; request <= 16; request++) {
      expect(order.mayBegin).toBe(true);
      order.begin(request);
      order.allowNext(request);
    }
    expect(order.mayBegin).toBe(false);
    order.answered(1, null);
    expect(order.mayBegin).toBe(true);
  });

  test('answers that are ready before their turn are counted, and hold back further requests when they are large', () => {
    const { order } = lab();
    order.begin(1);
    order.allowNext(1);
    order.begin(2);
    order.answered(2, [Buffer.alloc(60_000), Buffer.alloc(5536)]);
    expect([order.heldBytes, order.mayBegin]).toEqual([65_536, true]);
    order.begin(3);
    order.answered(3, [Buffer.alloc(1)]);
    expect([order.heldBytes, order.mayBegin]).toEqual([65_537, false]);
    order.answered(1, answer('one'));
    expect([order.heldBytes, order.mayBegin]).toEqual([0, true]);
  });

  test('a request whose frame had begun before much was held is in its turn nevertheless', () => {
    const { order, sent } = lab();
    for (const request of [1, 2]) {
      order.begin(request);
      order.allowNext(request);
    }
    expect(order.mayBegin).toBe(true);
    order.answered(2, [Buffer.alloc(100_000)]);
    expect(order.mayBegin).toBe(false);
    order.begin(3);
    expect(() => order.begin(4)).toThrow('a request is handed out in its turn');
    order.answered(3, answer('three'));
    order.answered(1, answer('one'));
    expect([sent[0], sent[2], order.heldBytes]).toEqual(['one', 'three', 0]);
  });

  test('gives those that are not answered when it ends', () => {
    const { order } = lab();
    for (const request of [1, 2, 3]) {
      order.begin(request);
      order.allowNext(request);
    }
    order.answered(2, answer('two'));
    expect(order.close()).toEqual([1, 3]);
    expect([order.isEmpty, order.heldBytes]).toEqual([true, 0]);
  });
});
