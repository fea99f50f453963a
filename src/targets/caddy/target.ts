import { cleaningRoutes } from './canonical.ts';
import { joinHostPort } from '../../lib/host.ts';
import { once } from '../../lib/memo.ts';
import { openedEntryPoints, type EntryPoint } from '../../model/entry-point.ts';
import { diagnose, type Diagnostic } from '../../model/diagnostic.ts';
import type { Backend } from '../../model/pool.ts';
import type { RenderedConfig } from '../../model/rendered.ts';
import { backendIdsOf, type RoutingTable } from '../../model/route.ts';
import { backendsOf, EMPTY_TABLE } from '../../model/table.ts';
import { fitTable } from '../fit.ts';
import { BOOT_MARKER, type RenderSettings, type Target } from '../target.ts';
import { block, line, text, type Node } from './ast.ts';
import { CADDY_CAPABILITIES } from './capabilities.ts';
import { handlerOf, isPrintable } from './handlers.ts';
import { hasPrintableMatch } from './matchers.ts';
import { sameScheme } from './pools.ts';
import { printCaddyfile } from './print.ts';
import { caddyReading } from './reading.ts';
import { entryPointSites } from './sites.ts';
import { tlsProfileOf } from './tls.ts';
import { unenforceable, valueDifferences } from './values.ts';

/** Caddy: one Caddyfile, printed from its syntax tree. The digest stands in it as the filter of a log that nothing writes to. */
export const caddyTarget: Target = {
  server: 'caddy',
  capabilities: CADDY_CAPABILITIES,
  entryPoints({ routes }, settings) {
    return settings.tls.mode === 'off'
      ? settings.entryPoints.filter(({ tls }) => !tls)
      : [...settings.entryPoints, ...openedEntryPoints(routes, settings.entryPoints)];
  },
  obstacle(route, { backends, settings }) {
    const entryPoints = [...settings.entryPoints, ...openedEntryPoints([route], settings.entryPoints)];
    const message = 'Cannot write the route: one of its texts has no safe form in a Caddyfile';
    if (!entryPoints.every((entryPoint) => hasPrintableMatch(route, entryPoint))) return { effect: 'drop', message };
    const unenforced = unenforceable(route, { backends, settings });
    if (unenforced !== undefined) return { effect: 'withhold', message: `${unenforced}; the route answers 503` };
    return isPrintable(handlerOf(route, { backends, name: 'r', settings })) ? undefined : { effect: 'withhold', message };
  },
  differences: valueDifferences,
  render(table, settings) {
    const { value: fitted, diagnostics } = fitTable(caddyTarget, table, settings);
    const sites = httpEntryPoints(fitted, settings).flatMap((entryPoint) => entryPointSites(fitted, entryPoint, settings));
    const asksClients = fitted.routes.some((route) => tlsProfileOf(route)?.clientAuth);
    return {
      value: configOf(
        [globalOptions({ marker: table.digest, asksClients }, settings), ...cleaningRoutes(fitted.routes), ...sites],
        fitted,
        settings,
      ),
      diagnostics: [...diagnostics, ...mixedSchemes(fitted)],
    };
  },
  renderBoot(settings) {
    const sites = httpEntryPoints(EMPTY_TABLE, settings).map((entryPoint) => {
      const [site] = entryPointSites(EMPTY_TABLE, entryPoint, settings).slice(-1);
      const kept = (site?.block ?? []).filter(({ tokens }) => tokens[0]?.kind === 'word' && ['bind', 'tls'].includes(tokens[0].word));
      return { ...site, tokens: site?.tokens ?? [], block: [...kept, line('header', 'Retry-After', '5'), line('respond', '503')] };
    });
    return configOf([globalOptions({ marker: BOOT_MARKER, asksClients: false }, settings), ...sites], EMPTY_TABLE, settings);
  },
  reading: caddyReading,
  renderStatic: () => [],
};

/** The name under which the digest stands in a running Caddy's configuration: `/config/logging/logs/NAME/include/0`. */
const CADDY_MARKER = 'hind-proxy-generation';

function httpEntryPoints(table: RoutingTable, settings: RenderSettings): readonly EntryPoint[] {
  return caddyTarget.entryPoints(table, settings).filter(({ protocol }) => protocol === 'http');
}

function configOf(nodes: readonly Node[], table: RoutingTable, { caddy }: RenderSettings): RenderedConfig {
  const heading = ['Written by hind-proxy; changes are overwritten.', `hind-proxy table ${table.digest}`];
  return { server: 'caddy', files: [printCaddyfile(nodes, { path: caddy.file, heading })], tableDigest: table.digest };
}

/** `admin` stands in every configuration: without it even a refused one opens a TCP port (caddyserver/caddy:admin.go). */
function globalOptions(
  { marker, asksClients }: { readonly marker: string; readonly asksClients: boolean },
  { caddy, tls, trustedProxies }: RenderSettings,
): Node {
  const unix = /^unix\/(\/.+)$/.exec(caddy.admin);
  const admin = unix ? `unix/${unix[1] ?? ''}|0660` : caddy.admin.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const options = [
    // strict: the client is the last hop that no trusted proxy has, not the first one that anybody has named
    ...(trustedProxies.length > 0 ? [line('trusted_proxies', 'static', ...trustedProxies.map(text)), line('trusted_proxies_strict')] : []),
    // the sites that ask for certificates look at the name themselves; Caddy would refuse requests of all others too
    ...(asksClients ? [line('strict_sni_host', 'insecure_off')] : []),
  ];
  const servers = options.length > 0 ? [block(['servers'], options)] : [];
  return block(
    [],
    [
      line('admin', text(admin)),
      line('persist_config', 'off'),
      line('auto_https', tls.mode === 'internal' ? 'disable_redirects' : 'off'),
      ...(tls.mode === 'internal' ? [line('skip_install_trust')] : []),
      // never asked for one; where no issuer is named Caddy refuses sites whose name ends in a dot
      ...(tls.mode === 'files' ? [line('cert_issuer', 'acme')] : []),
      ...servers,
      // we ask for the marker every two seconds: that is no news
      block(['log', 'default'], [line('exclude', 'admin.api')]),
      block(['log', CADDY_MARKER], [line('output', 'discard'), line('include', `hind-proxy.${marker}`)]),
    ],
  );
}

const leftOut = once(({ endpoints }: Backend) => {
  const kept = sameScheme(endpoints);
  return endpoints.filter((endpoint) => !kept.includes(endpoint));
});

/** Pools whose instances do not all speak the same: Caddy gives a pool one scheme. */
function mixedSchemes(table: RoutingTable): readonly Diagnostic[] {
  if (!table.backends.some((backend) => leftOut(backend).length > 0)) return [];
  const backends = backendsOf(table);
  return table.routes.flatMap((route) =>
    backendIdsOf(route).flatMap((id) => {
      const backend = backends.get(id);
      const left = backend ? leftOut(backend) : [];
      if (left.length === 0) return [];
      const names = left.map(({ address, port, protocol }) => `${protocol}://${joinHostPort(address, port)}`).join(', ');
      const message = `Cannot mix http and https instances in one pool: ${names} get no requests`;
      return [diagnose('CADDY_MIXED_SCHEMES', message, { span: route.spans[0] })];
    }),
  );
}
