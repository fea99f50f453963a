import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isInside, isPlainCidr, parseCidr, parseIp, withoutBlocks, type Cidr } from '../../src/lib/ip.ts';

const blocksOf = (cidrs: readonly string[]): readonly Cidr[] => cidrs.flatMap((cidr) => parseCidr(cidr) ?? []);
const lies = (address: string, cidrs: readonly string[]): boolean => {
  const bytes = parseIp(address);
  return bytes !== undefined && blocksOf(cidrs).some((block) => isInside(bytes, block));
};

test('withoutBlocks() leaves what it must and no more', () => {
  assert.deepEqual(withoutBlocks(['10.0.0.0/30'], ['10.0.0.1']), ['10.0.0.0/32', '10.0.0.2/31']);
  assert.deepEqual(withoutBlocks(['10.0.0.0/8'], ['0.0.0.0/0']), []);
  assert.deepEqual(withoutBlocks(['10.1.2.3/8', '::/0'], ['192.168.0.0/16']), [
    '10.1.2.3/8'.replace('1.2.3', '0.0.0'),
    '0:0:0:0:0:0:0:0/0',
  ]);
  assert.equal(withoutBlocks(['0.0.0.0/0'], ['10.0.0.1']).length, 32);
  assert.equal(withoutBlocks(['::/0'], ['fe80::1']).length, 128);
});

test('withoutBlocks() agrees with isInside() for every address', () => {
  const octet = fc.integer({ min: 0, max: 3 });
  const address = fc.oneof(
    fc.tuple(octet, octet, octet, octet).map((bytes) => bytes.join('.')),
    fc.tuple(octet, octet).map(([a, b]) => `fe80:${a}::${b}`),
  );
  const cidr = fc
    .tuple(address, fc.integer({ min: 0, max: 32 }))
    .map(([text, bits]) => `${text}/${text.includes(':') ? Math.min(128, bits * 4) : bits}`);
  const cidrs = fc.array(cidr, { maxLength: 4 });
  fc.assert(
    fc.property(cidrs, cidrs, address, (blocks, holes, text) => {
      assert.equal(lies(text, withoutBlocks(blocks, holes)), lies(text, blocks) && !lies(text, holes));
    }),
    { numRuns: 2000, seed: 11 },
  );
});

test('isPlainCidr() takes what every reader takes', () => {
  assert.deepEqual(
    ['10.0.0.1', '10.0.0.0/8', '::/0', '10.0.0.0/08', '::/00', '10.0.0.0/33', 'a'].filter((text) => isPlainCidr(text)),
    ['10.0.0.1', '10.0.0.0/8', '::/0'],
  );
});
