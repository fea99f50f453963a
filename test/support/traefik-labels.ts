import fc from 'fast-check';
import type { ValueType } from '../../src/dialects/traefik/label-table.ts';
import { rowsOf, sections } from '../../src/dialects/traefik/lookup.ts';

const VALUES: Readonly<Record<ValueType, readonly string[]>> = {
  string: ['a', '', 'https', '/p', '^/a(.*)$', '$1', 'Host(`a.io`)', 'HostSNI(`*`)', 's', 't@file', '8081', 'x.io', 'lax', 'text/html'],
  bool: ['true', 'false', '1', 'T', 'maybe'],
  integer: ['0', '1', '-1', '42', '500', 'many'],
  duration: ['1', '1.5s', '100ms', '-1s', 'soon'],
  list: ['', 'a', 'a, b', 'm', 'm, n@file', '10.0.0.0/8', '/p,/q', 'u:h', 'u:r:h', '404,500-599', 'gzip', 'text/html', 'web', 'GET'],
  switch: ['true', 'false', '', 'yes'],
  any: ['x'],
};
const RULES = [
  'Host(`a.io`)',
  'Host(`a.io`) || PathPrefix(`/b`)',
  '!(Host(`a.io`) && Path(`/b`)) && Method(`GET`)',
  'HostRegexp(`^.+\\.io$`) && Query(`q`)',
  'Host(`*.io`) && ClientIP(`10.0.0.1`)',
  'HostSNI(`*`)',
  'HostSNI(`a.io`) && !ALPN(`h2`)',
  'Host(`a.io`',
];

/** One label of the table, most with a value of its type. */
const tableLabel = fc
  .constantFrom(...sections().flatMap((section) => rowsOf(section).map((found) => ({ section, ...found }))))
  .chain(({ section, key, row: [type] }) => {
    const field = key.replace('[N]', '[0]').replace('**', 'x.y').replace('*', '404');
    const names = section.endsWith('routers') ? ['r', 'R', 'q'] : section.endsWith('services') ? ['s', 't'] : ['m', 'n'];
    const value = field === 'rule' ? fc.constantFrom(...RULES) : fc.constantFrom(...VALUES[type]);
    return fc.record({ name: fc.constantFrom(...names), value, lower: fc.boolean() }).map(({ name, value: text, lower }) => {
      const whole = section === 'general' ? field : `${section}.${name}.${field}`;
      return `traefik.${lower ? whole.toLowerCase() : whole}=${text}`;
    });
  });

/** The labels of an enabled instance: a router that serves, and anything else from the table. */
export const traefikLabels: fc.Arbitrary<readonly string[]> = fc
  .record({ rule: fc.constantFrom(...RULES), labels: fc.array(tableLabel, { maxLength: 8 }) })
  .map(({ rule, labels }) => ['traefik.enable=true', `traefik.http.routers.r.rule=${rule}`, ...labels]);
