import { AddressShares } from '../../../src/common/index.js';

test('addresses that have nothing any more take no memory', () => {
  const shares = new AddressShares(100, 'held');
  shares.count('a', 5);
  for (let at = 0; at < 1000; at++) {
    shares.count(`b${at}`, 3);
    shares.count(`b${at}`, -3);
  }
  expect([shares.total, shares.of('a'), shares.of('b1'), shares.addresses]).toEqual([5, 5, 0, 1]);
});
