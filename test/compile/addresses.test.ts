import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressProblem, controlKey } from '../../src/compile/addresses.ts';
import { parseCidr } from '../../src/lib/ip.ts';

const blocks = (...texts: readonly string[]) => texts.flatMap((text) => parseCidr(text) ?? []);
const POLICY = {
  allow: blocks('169.254.7.0/24', '10.5.0.0/16'),
  deny: blocks('10.5.6.0/24', '192.0.2.0/24'),
  controlPorts: new Set(['10.0.0.1', 'consul.internal', 'fd00::1'].map((host) => controlKey(host, 8500))),
  uncheckedPorts: new Set<number>(),
};

/** Address, port, what is said of a catalog over the network, and of one on this machine where that is something else. */
const ADDRESSES: readonly (readonly [string, number, string | undefined, (string | null)?])[] = [
  ['10.0.0.1', 8080, undefined],
  ['10.0.0.1', 8500, 'it is an administrative endpoint'],
  ['consul.internal', 8500, 'it is an administrative endpoint'],
  ['fd00::1', 8500, 'it is an administrative endpoint'],
  ['FD00:0:0::0001', 8500, 'it is an administrative endpoint'],
  ['127.0.0.2', 8500, 'it is an administrative endpoint'],
  ['::1', 8500, 'it is an administrative endpoint'],
  ['localhost', 8500, 'it is an administrative endpoint'],
  ['a.LocalHost', 8500, 'it is an administrative endpoint'],
  ['db', 8500, 'it is an administrative endpoint'],
  ['db.internal', 8500, undefined],
  ['192.0.2.9', 80, 'it is in `backends.deny`'],
  ['10.5.6.7', 80, 'it is in `backends.deny`'],
  ['10.5.7.7', 80, undefined],
  ['169.254.7.1', 80, undefined],
  ['169.254.8.1', 80, 'it is link-local'],
  ['fe80::1', 80, 'it is link-local'],
  ['0.0.0.0', 80, 'it is unspecified'],
  ['::', 80, 'it is unspecified'],
  ['224.0.0.1', 80, 'it is multicast or broadcast'],
  ['255.255.255.255', 80, 'it is multicast or broadcast'],
  ['ff02::1', 80, 'it is multicast or broadcast'],
  ['::ffff:10.0.0.1', 80, 'it is an IPv4 address mapped into IPv6'],
  ['127.0.0.1', 80, 'it is loopback, and the catalog is not on this machine', null],
  ['::1', 80, 'it is loopback, and the catalog is not on this machine', null],
  ['db.internal', 80, undefined],
  ['DB.Internal', 80, undefined],
  ['db', 80, 'it is a name without a domain', null],
  ['a.localhost', 80, 'it is a name of the local machine', null],
  ['localhost', 80, 'it is a name of the local machine', null],
  ['127.1', 80, 'it is a number in disguise of a name'],
  ['a.0x7f', 80, 'it is a number in disguise of a name'],
  ['a.0x7g', 80, undefined],
  ['a.1b', 80, undefined],
  ['a b', 80, 'it is no host name'],
  ['-a.io', 80, 'it is no host name'],
  ['a-.io', 80, 'it is no host name'],
  ['a..io', 80, 'it is no host name'],
  ['', 80, 'it is no host name'],
  [`${'a'.repeat(63)}.io`, 80, undefined],
  [`${'a'.repeat(64)}.io`, 80, 'it is no host name'],
  [`${'a.'.repeat(125)}iox`, 80, undefined],
  [`${'a.'.repeat(126)}io`, 80, 'it is no host name'],
];

for (const [address, port, problem, onThisMachine = problem] of ADDRESSES)
  test(`addressProblem() ${problem === undefined ? 'lets' : 'says of'} "${address.slice(0, 40)}" port ${port} ${problem ?? 'be'}`, () => {
    assert.equal(addressProblem({ address, port }, { local: false, policy: POLICY }), problem);
    assert.equal(addressProblem({ address, port }, { local: true, policy: POLICY }), onThisMachine ?? undefined);
  });
