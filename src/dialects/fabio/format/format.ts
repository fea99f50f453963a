import type { ServiceInstance } from '../../../model/catalog.ts';
import type { TagSpan } from '../../../model/diagnostic.ts';
import { isSecondary } from '../../../model/entry-point.ts';
import type { RouteIntent } from '../../../model/intent.ts';
import type { FormatContext, TagFormatter } from '../../dialect.ts';
import { approximated, faultLosses, impossible, isWhole, rawPathLosses, reportLosses, said, type Loss, type Said } from '../../loss.ts';
import { askKey, joinPairs } from '../../same.ts';
import { writtenOf } from '../../written.ts';
import { createFabioDialect } from '../dialect.ts';
import { GRPC } from '../intents.ts';
import type { FabioSettings } from '../route.ts';
import { sayHandling } from './middlewares.ts';
import { orderLosses } from './order.ts';
import { sayPath, sayPlace } from './place.ts';
import { sayPool } from './pool.ts';
import { printTag, type Sayable } from './print.ts';
import { splitAtRedirect } from './split.ts';

/**
 * Writes intents as `urlprefix-` tags for a Fabio with these settings. What a tag asks beside its route (refusals, the other listeners)
 * needs none of its own. A tag whose text Fabio would read in another way is not written.
 */
export function createFabioFormatter(settings: FabioSettings): TagFormatter {
  return {
    name: 'fabio',
    format(intents, context, report) {
      const asked = joinPairs(
        intents
          .filter(({ entryPoints }) => !isSecondary(entryPoints))
          .map((intent) => withTransport(intent, context))
          .flatMap(splitAtRedirect),
        context,
      );
      const found = asked.map((intent) => ({ intent, ...sayIntent(intent, { intents, settings, context }) }));
      const written = found.filter(({ losses }) => !isWhole(losses));
      const order = orderLosses(written.map(({ intent, value }) => ({ intent, match: value.match, entryPoints: value.entryPoints })));
      for (const { intent, losses } of found) reportLosses(intent, [...losses, ...(order.get(intent) ?? [])], 'fabio', report);
      return writtenOf(
        written.map(({ intent: { spans }, value }) => ({ tag: printTag(value, settings), spans })),
        found.flatMap(({ intent, losses }) => (isWhole(losses) ? [intent] : [])),
      );
    },
  };
}

/** An intent with what the transport that it names says. */
function withTransport(intent: RouteIntent, { transports }: FormatContext): RouteIntent {
  const { transport: reference, ...rest } = intent;
  const transport = reference && transports?.get(reference.name);
  return transport ? { ...rest, pool: { ...intent.pool, transport } } : intent;
}

interface Surroundings {
  readonly intents: readonly RouteIntent[];
  readonly settings: FabioSettings;
  readonly context: FormatContext;
}

function sayIntent(intent: RouteIntent, surroundings: Surroundings): Said<Sayable> {
  const { settings, context } = surroundings;
  const conditions = intent.match.conditions.filter((condition) => JSON.stringify(condition) !== JSON.stringify(GRPC));
  const isCall = conditions.length < intent.match.conditions.length;
  const plain: RouteIntent = { ...intent, match: { ...intent.match, conditions } };
  const isTcp = intent.entryPoints.kind === 'tcp';
  const place = sayPlace(plain, settings, context);
  const path = isTcp ? said(intent.match.path) : sayPath(intent.match.path, settings);
  const handling = sayHandling(plain);
  const pool = sayPool(handling.value.action.kind === 'redirect' ? asNobody(plain) : plain, isCall);
  const address = isTcp ? addressOf(intent, surroundings.intents) : undefined;
  const value: Sayable = {
    entryPoints: place.value.entryPoints,
    match: { host: place.value.host, path: path.value, conditions: [] },
    middlewares: handling.value.middlewares,
    action: handling.value.action,
    protocol: pool.value.protocol,
    pool: pool.value.pool,
    spoken: intent.action.kind === 'refuse' ? 'tcp' : pool.value.spoken,
    ...(pool.value.share !== undefined && intent.action.kind !== 'refuse' && { share: pool.value.share }),
    ...(intent.kept && { kept: intent.kept }),
    ...(address !== undefined && { address }),
  };
  const losses = [...place.losses, ...path.losses, ...handling.losses, ...pool.losses, ...ownLosses(intent, context)];
  return { value, losses: isWhole(losses) ? losses : [...losses, ...misread(value, { intent, settings })] };
}

/** A redirect asks no instance. */
function asNobody(intent: RouteIntent): RouteIntent {
  const { transport: _transport, backend: _backend, ...rest } = intent;
  return {
    ...rest,
    protocol: 'http',
    pool: { transport: { skipVerify: false }, upstreamHost: { kind: 'client' }, loadBalancing: 'random' },
  };
}

const LED_TO_TLS = 'Write urlprefix-HOST:80/ redirect=301,https://HOST$path beside it';

function ownLosses(intent: RouteIntent, { port }: FormatContext): readonly Loss[] {
  const { dialect, endpoint, action } = intent;
  const elsewhere = endpoint.port !== port && action.kind === 'forward';
  return [
    ...faultLosses(intent),
    ...rawPathLosses(intent),
    ...(dialect === 'hind' ? [approximated('requests over plain http are not led to https', LED_TO_TLS)] : []),
    ...(elsewhere ? [impossible(`port ${endpoint.port} in the place of the registered ${port}`)] : []),
  ];
}

/** The address that a TCP route names before its port: it stands in what its tag says of requests. */
function addressOf({ spans: [span] }: RouteIntent, intents: readonly RouteIntent[]): string | undefined {
  const beside = intents.find(
    ({ spans: [other], action }) => action.kind === 'refuse' && span && other && placeKey(other) === placeKey(span),
  );
  return beside?.match.host.kind === 'exact' ? beside.match.host.host : undefined;
}

function placeKey({ service, instance, tagIndex, start }: TagSpan): string {
  return JSON.stringify([service, instance, tagIndex, start]);
}

/** Why a tag does not say what it is to say: Fabio would read it in another way. */
function misread(
  sayable: Sayable,
  { intent, settings }: { readonly intent: RouteIntent; readonly settings: FabioSettings },
): readonly Loss[] {
  const tag = printTag(sayable, settings);
  const [span] = intent.spans;
  if (!span) return [];
  const { source, owner, service, instance } = span;
  const { address, port } = intent.endpoint;
  const reader: ServiceInstance = {
    source,
    owner,
    service,
    instance,
    address,
    port,
    tags: [tag],
    meta: {},
    health: 'passing',
    modifyIndex: 0,
  };
  const [read] = createFabioDialect(settings).parse(reader, () => undefined).intents;
  if (read && askKey(asRead(sayable, read)) === askKey(read) && !read.fault) return [];
  return [impossible(`its text would be "${tag}", which Fabio reads in another way`)];
}

/** What was to be said, in the form of what was read: only gRPC tells requests by more than host and path. */
function asRead({ spoken: _spoken, address: _address, ...asked }: Sayable, read: RouteIntent): RouteIntent {
  const { share: _share, kept: _kept, ...rest } = read;
  return { ...rest, ...asked, match: { ...asked.match, conditions: read.match.conditions } };
}
