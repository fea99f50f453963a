import type { RenderSettings } from '../../src/targets/target.ts';
import { caddySettings } from './caddy.ts';
import { port } from './intents.ts';

/** Settings of nowhere, for what is only looked at: `web` and `websecure` on the usual ports. */
export const SETTINGS: RenderSettings = caddySettings({ dir: '/srv', admin: 'http://127.0.0.1:2019', web: 80, websecure: 443 });

/** The same with an entry point of connections, `raw`, and one of datagrams, `datagrams`. */
export const WIDE_SETTINGS: RenderSettings = {
  ...SETTINGS,
  entryPoints: [
    ...SETTINGS.entryPoints,
    { name: 'raw', address: ':9000', port: port(9000), protocol: 'tcp', tls: false },
    { name: 'datagrams', address: ':9001', port: port(9001), protocol: 'udp', tls: false },
  ],
};
