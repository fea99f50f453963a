import type { Capabilities } from '../target.ts';

/** What a stock Caddy does with each feature of a table. */
export const CADDY_CAPABILITIES: Capabilities = {
  stripPrefix: 'native',
  addPrefix: 'native',
  redirectScheme: 'native',
  redirectRegexp: 'native',
  headers: 'native',
  ipAllow: 'native',
  ipDeny: 'native',
  basicAuth: 'native',
  'protocol.http': 'native',
  'protocol.https': 'native',
  'protocol.h2c': 'native',
  'protocol.tcp': 'unsupported',
  'lb.random': 'native',
  'lb.roundRobin': 'native',
  'lb.ipHash': 'native',
  'lb.leastConnections': 'native',
  'match.hostPort': 'native',
  'match.ignoreCase': 'native',
  'redirect.anyStatus': 'native',
  weights: 'native',
  mixedSchemes: 'unsupported',
  rawPath: 'native',
};
