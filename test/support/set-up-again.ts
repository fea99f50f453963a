import { setUp } from '../../src/cli/setup.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLog } from '../../src/lib/log.ts';

/** A program that sets itself up for Traefik, with the state directory of its argument, whenever it is told to; it answers with the password. */
const loaded = loadConfig({ env: {}, flags: { stateDir: process.argv[2], proxies: [{ server: 'traefik' }] } });
process.on('message', () => {
  setUp({ loaded, env: {}, log: silentLog, version: '1' }).then(
    ({ apiPassword }) => process.send?.(apiPassword?.reveal()),
    (error: unknown) => process.send?.(String(error)),
  );
});
process.send?.('ready');
