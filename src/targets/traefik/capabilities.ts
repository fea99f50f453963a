import type { Capabilities } from '../target.ts';

/** What Traefik 3.7 does with each feature of a table. */
export const TRAEFIK_CAPABILITIES: Capabilities = {
  stripPrefix: 'native',
  addPrefix: 'native',
  redirectScheme: 'native',
  redirectRegexp: 'native',
  headers: 'native',
  ipAllow: 'emulated',
  ipDeny: 'unsupported',
  basicAuth: 'native',
  'protocol.http': 'native',
  'protocol.https': 'native',
  'protocol.h2c': 'native',
  'protocol.tcp': 'native',
  'lb.random': 'emulated',
  'lb.roundRobin': 'native',
  'lb.ipHash': 'native',
  'lb.leastConnections': 'emulated',
  'match.hostPort': 'emulated',
  'match.ignoreCase': 'emulated',
  'redirect.anyStatus': 'unsupported',
  weights: 'native',
  mixedSchemes: 'native',
  rawPath: 'unsupported',
};
